"""Boxes are found again, and many pairs at once give what one at a time gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, map_coordinates, uniform_filter

from photism.trust.overlay import align, best_starts, correlations, fine_detail, levelled_detail, read_boxes

WHOLE = np.array([[1.0, 0.0, 1.0, 0.0]])


def scenes(n: int, side: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 128 + 200 * np.stack([gaussian_filter(rng.normal(size=(side, side)), side / 16) for _ in range(n)])


def shown(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """What a box of an image shows, read by SciPy."""
    side = len(image)
    centres = (np.arange(side) + 0.5) / side - 0.5
    x, y = (((scale * centres + offset) + 0.5) * side - 0.5 for scale, offset in (box[:2], box[2:]))
    return map_coordinates(image, np.meshgrid(y, x, indexing="ij"), order=1, mode="nearest")


@given(
    scale=st.tuples(st.floats(0.6, 1.6), st.floats(0.6, 1.6)),
    offset=st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2)),
)
def test_boxes_are_read_like_scipy_reads_them(scale: tuple[float, float], offset: tuple[float, float]) -> None:
    images = scenes(2, 16)
    box = np.array([scale[0], offset[0], scale[1], offset[1]])
    seen = read_boxes(images[:, :, None], np.array([1, 0]), np.stack([box, WHOLE[0]]))
    assert np.allclose(seen.read[0, :, 0].T, shown(images[1], box))
    assert np.allclose(seen.read[1, :, 0].T, images[0])
    assert seen.mask[1].all()


def test_only_what_both_hold_is_seen() -> None:
    seen = read_boxes(scenes(1, 16)[:, :, None], np.array([0]), np.array([[1.0, 0.25, 1.0, -0.5]]))
    assert seen.x[0].tolist() == [True] * 12 + [False] * 4
    assert seen.y[0].tolist() == [False] * 8 + [True] * 8
    assert seen.mask[0].sum() == 12 * 8


@settings(deadline=None, max_examples=30)
@given(
    scale=st.tuples(st.floats(0.92, 1.0), st.floats(0.92, 1.0)),
    offset=st.tuples(st.floats(-0.03, 0.03), st.floats(-0.03, 0.03)),
    gain=st.floats(0.5, 1.5),
    seed=st.integers(0, 20),
)
def test_a_box_is_found_again_whatever_the_light(
    scale: tuple[float, float], offset: tuple[float, float], gain: float, seed: int
) -> None:
    first = scenes(1, 64, seed)
    box = np.array([scale[0], offset[0], scale[1], offset[1]])
    score, found = align(first, gain * shown(first[0], box)[None] + 10, WHOLE, 12)
    assert score[0] > 0.995
    assert np.allclose(found[0], box, atol=0.01)


def test_many_pairs_at_once_are_aligned_as_one_by_one() -> None:
    first, second = scenes(12, 32), scenes(12, 32, 1)
    second[::3] = first[::3, ::-1].transpose(0, 2, 1)
    second[1::3] = [shown(image, np.array([0.9, 0.02, 0.95, 0.0])) for image in first[1::3]]
    boxes = np.tile(WHOLE, (12, 1))
    together = align(first, second, boxes, 4)
    alone = [align(first[i : i + 1], second[i : i + 1], WHOLE, 4) for i in range(12)]
    assert np.allclose(together[0], [score[0] for score, _ in alone])
    assert np.allclose(together[1], [box[0] for _, box in alone])
    assert together[0][1::3].min() > 0.98 > together[0][2::3].max()


def test_no_pairs_are_no_error() -> None:
    none = np.zeros((0, 16, 16))
    score, boxes = align(none, none, np.zeros((0, 4)), 3)
    assert (score.shape, boxes.shape) == ((0,), (0, 4))
    assert best_starts(none, none)[0].shape == (0,)


def test_crops_start_where_they_fit_best() -> None:
    first = scenes(4, 16)
    boxes = np.array([[1.0, 0.0, 1.0, 0.0], [0.88, -0.06, 0.88, 0.06], [0.88, 0.0, 0.88, 0.0], [0.88, 0.06, 0.88, 0.0]])
    second = np.stack([3 * shown(image, box) - 7 for image, box in zip(first, boxes, strict=True)])
    score, found = best_starts(first, second)
    assert np.allclose(score, 1.0)
    assert np.allclose(found, boxes)


@given(seed=st.integers(0, 100), n=st.integers(2, 9))
def test_correlations_are_those_of_numpy(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = 100 * rng.normal(size=(2, 3, n, n))
    mask = rng.random((3, n, n)) < 0.8
    mask[:, 0] = True
    found = correlations(one, other, mask)
    wanted = [np.corrcoef(a[m], b[m])[0, 1] for a, b, m in zip(one, other, mask, strict=True)]
    assert found == pytest.approx(wanted, abs=1e-6)
    assert correlations(one, np.ones_like(one), mask) == pytest.approx([0.0] * 3, abs=1e-6)


def test_detail_is_what_differs_from_the_neighbourhood() -> None:
    images = scenes(2, 32)
    soft = gaussian_filter(images[1], 0.7, truncate=3.0)
    detail = fine_detail(images)
    assert np.allclose(detail[1], soft - uniform_filter(soft, 9))
    assert np.allclose(fine_detail(images + 50.0), detail)
    strong, weak = levelled_detail(1000 * detail), levelled_detail(1e-6 * detail)
    assert np.allclose(levelled_detail(2000 * detail), strong, atol=1e-3)  # its strength does not matter
    assert np.abs(weak).max() < 1e-4  # but noise stays small
