"""Two images laid over each other: what agrees, and what does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter

from photism.trust.same_image import (
    FINGERPRINT_PX,
    compare_images,
    fingerprint_image,
    same_image,
    same_images,
    thumbnail,
)
from photism.trust.shelf import Known


def scene(seed: int, side: int = 128) -> Image.Image:
    rng = np.random.default_rng(seed)
    rough = gaussian_filter(rng.normal(size=(side, side, 3)), (8, 8, 0)) * 8
    fine = gaussian_filter(rng.normal(size=(side, side, 3)), (1.5, 1.5, 0)) * 0.8
    return Image.fromarray(np.clip(128 + 60 * (rough + fine), 0, 255).astype(np.uint8))


def saved(folder: Path, **images: Image.Image) -> list[Path]:
    for name, image in images.items():
        image.save(folder / f"{name}.png")
    return [folder / f"{name}.png" for name in images]


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 50), scale=st.floats(0.85, 1.0), x=st.floats(0, 1), y=st.floats(0, 1))
def test_any_crop_down_to_85_percent_of_a_side_is_a_copy(
    tmp_path_factory: pytest.TempPathFactory, seed: int, scale: float, x: float, y: float
) -> None:
    whole, side = scene(seed), round(128 * scale)
    left, top = round(x * (128 - side)), round(y * (128 - side))
    one, other = saved(
        tmp_path_factory.mktemp("crop"), whole=whole, part=whole.crop((left, top, left + side, top + side))
    )
    for first, second in ((one, other), (other, one)):
        answer = same_image(first, second)
        assert answer is not None
        assert 0.94 <= answer[0] <= 1.0
        shown = 100 * (side / 128) ** 2
        if shown < 96:
            said = float(answer[1].removeprefix("cropped to ").split(" %")[0])
            assert abs(said - shown) < 3


def test_one_thing_in_another_scene_is_no_copy(tmp_path: Path) -> None:
    scenes = []
    for seed in (1, 2):
        image = scene(seed)
        image.paste(scene(9).crop((0, 0, 60, 60)), (34, 34))
        scenes.append(image)
    one, other = saved(tmp_path, one=scenes[0], other=scenes[1])
    assert same_image(one, other) is None


def test_the_same_outline_with_other_detail_is_no_copy(tmp_path: Path) -> None:
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    shirt = np.where((np.abs(x) < 0.6) & (np.abs(y) < 0.8), 90.0, 250.0)
    pictures = []
    for seed in (0, 1):
        folds = gaussian_filter(np.random.default_rng(seed).normal(size=shirt.shape), 2) * 60 * (shirt < 200)
        pictures.append(Image.fromarray(np.clip(shirt + folds, 0, 255).astype(np.uint8)))
    one, other = saved(tmp_path, one=pictures[0], other=pictures[1])
    assert np.corrcoef(*(np.asarray(picture, float).ravel() for picture in pictures))[0, 1] > 0.9
    assert same_image(one, other) is None
    assert same_image(one, one) == (pytest.approx(1.0), "re-encoded")


def test_blank_images_and_broken_files_are_no_copies(tmp_path: Path) -> None:
    white, grey = (Image.new("RGB", (50, 40), colour) for colour in ("white", "grey"))
    one, other = saved(tmp_path, one=white, other=grey)
    (tmp_path / "text").write_text("no image")
    assert same_image(one, other) is None
    assert same_image(one, tmp_path / "text") is None
    assert not fingerprint_image(one).any()


def test_fingerprints_are_centred_and_of_length_one(tmp_path: Path) -> None:
    one, other, twin = (
        fingerprint_image(path)
        for path in saved(tmp_path, one=scene(0), other=scene(1), twin=scene(0).point(lambda level: level // 2))
    )
    assert one.shape == (FINGERPRINT_PX**2,)
    assert one.mean() == pytest.approx(0.0, abs=1e-6)
    assert np.linalg.norm(one) == pytest.approx(1.0, abs=1e-5)
    assert one @ twin > 0.99 > 0.7 > one @ other


def test_many_pairs_at_once_are_answered_like_one(tmp_path: Path) -> None:
    whole = scene(3)
    blank, other = Image.new("RGB", (50, 40), "grey"), scene(4)
    paths = saved(
        tmp_path,
        whole=whole, part=whole.crop((5, 9, 120, 128)), small=whole.resize((70, 60)), blank=blank, other=other,
    )  # fmt: skip
    paths.append(tmp_path / "text")
    paths[-1].write_text("no image")
    pairs = [(one, two) for one in paths for two in paths]
    together = same_images([(Known(one), Known(two)) for one, two in pairs])
    assert sum(answer is not None for answer in together) == 9 + 1  # three of one scene, and the other with itself
    for (one, two), answer in zip(pairs, together, strict=True):
        alone = same_image(one, two)
        assert (answer is None) == (alone is None)
        if answer is not None and alone is not None:
            assert answer[0] == pytest.approx(alone[0], abs=1e-9)
            assert answer[1] == alone[1]


def test_the_box_and_the_light_are_measured(tmp_path: Path) -> None:
    whole = scene(5)
    part = whole.crop((12, 0, 128, 110)).point(lambda level: 0.8 * level + 20)
    one, other = (thumbnail(path)["grey"][None] for path in saved(tmp_path, whole=whole, part=part))
    (found,) = compare_images(one, other)
    assert found is not None
    scale_x, x, scale_y, y = found.box.tolist()
    assert (scale_x, scale_y) == pytest.approx((116 / 128, 110 / 128), abs=0.01)
    assert (x, y) == pytest.approx((6 / 128, -9 / 128), abs=0.005)
    assert found.gain == pytest.approx(0.8, abs=0.05)  # what is read between pixels has a little less contrast
    assert min(found.similarity, found.levelled, found.worst) > 0.9
