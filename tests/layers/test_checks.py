"""Occlusion, and the check that every explanation carries, on a stand-in whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.layers.explained_samples import Looking, bright_shown, sound_windows

from photism.layers.checks import check, moved
from photism.layers.evidence import FRACTIONS
from photism.layers.heat import HeatMap, Shown, content_mask, empty, shown_of
from photism.layers.occlusion import occlusion, pieces
from photism.layers.regions import find_regions
from photism.pictures.table import fit_recipe, render
from photism.types import ByteString, PointerTrack

BOX = (40, 30, 60, 50)


def heat_at(shown: Shown, box: tuple[int, int, int, int]) -> HeatMap:
    left, top, right, bottom = box
    values = np.random.default_rng(0).uniform(0, 1e-6, shown.pixels.shape[:4]).astype(np.float32)
    values[:, :, top:bottom, left:right] = 1.0
    return HeatMap("gradcam", 0, values, ((8.0, 8.0),))


def test_the_right_region_passes_and_a_wrong_one_is_reported() -> None:
    shown, answering = bright_shown(BOX), Looking(BOX, "log-mel")
    right = check(answering, shown, heat_at(shown, BOX), seed=1)
    assert right.beats_random
    assert not right.fails
    assert right.deletion < right.random_deletion
    assert right.insertion > right.random_insertion
    assert right.gain_low < right.gain < right.gain_high
    wrong = check(answering, shown, heat_at(shown, (4, 70, 24, 90)), seed=1)
    assert wrong.fails
    assert "no better than random" in wrong.to_text()
    assert wrong.to_json()["fails_own_check"] is True


def test_no_better_than_a_twin_with_shuffled_weights_is_reported() -> None:
    shown, answering = bright_shown(BOX), Looking(BOX, "log-mel")
    heat = heat_at(shown, BOX)
    same = check(answering, shown, heat, twins=[heat.values], seed=1)
    assert same.beats_random
    assert not same.beats_shuffled
    assert same.fails
    assert same.shuffled_similarity == pytest.approx(1.0)
    flat = check(answering, shown, heat, twins=[np.zeros_like(heat.values)], seed=1)
    assert flat.shuffled_similarity == 0.0


def test_areas_are_those_of_the_curves() -> None:
    shown, answering = bright_shown(BOX), Looking(BOX, "log-mel")
    found = check(answering, shown, heat_at(shown, BOX), seed=1)
    assert found.deletion == pytest.approx(np.trapezoid(found.deletion_curve, FRACTIONS))
    whole, none = answering.probabilities([shown.pixels, empty(shown)], shown.content)[:, 0]
    assert found.deletion_curve[0] == found.insertion_curve[-1] == pytest.approx(whole)
    assert found.deletion_curve[-1] == found.insertion_curve[0] == pytest.approx(none)
    again = check(answering, shown, heat_at(shown, BOX), seed=1)
    assert again == found
    assert check(answering, shown, heat_at(shown, BOX), seed=2) != found


def test_moving_keeps_what_there_is_and_stays_in_the_data() -> None:
    _, windows = sound_windows(0.7)
    shown = shown_of(windows)
    held = content_mask(shown)
    values = np.where(held, np.random.default_rng(0).normal(size=held.shape), -9.0).astype(np.float32)
    out = moved(values, shown, np.random.default_rng(1))
    np.testing.assert_array_equal(np.sort(out[held]), np.sort(values[held]))
    assert (out[~held] == -9.0).all()
    assert not np.array_equal(out, values)


def test_occlusion_finds_what_the_answer_looks_at() -> None:
    shown = bright_shown(BOX)
    heat = occlusion(Looking(BOX, "log-mel"), shown, 0)
    (x, y) = find_regions(heat, shown)[0].peak_px
    assert BOX[0] <= x < BOX[2]
    assert BOX[1] <= y < BOX[3]
    assert heat.values[0, 0, 80:, 80:].max() == 0.0
    against = occlusion(Looking(BOX, "log-mel"), shown, 1)
    np.testing.assert_allclose(against.values, -heat.values, atol=1e-7)
    assert find_regions(against, shown) == ()


def test_pieces_cover_every_picture_in_its_own_units() -> None:
    rng = np.random.default_rng(0)
    recipe = fit_recipe("binary", [], options={"layout": "pairs+hilbert+reshape", "size_px": 64})
    binary = render(ByteString(rng.integers(0, 256, 5000, np.uint8)), recipe)[0]
    track = PointerTrack(
        np.arange(50) * 0.016, rng.normal(size=(50, 2)).cumsum(axis=0) * 30, np.zeros(50, np.uint8), "s"
    )
    mouse = render(track, fit_recipe("mouse", [{"n_points": 50.0}], size_px=64))[0]
    for picture in (*binary, *mouse):
        masks = pieces(picture)
        assert np.any(masks, axis=0).all(), picture.panel
        assert max(mask.mean() for mask in masks) < 0.15, picture.panel


def test_empty_pictures_hold_nothing_of_the_file() -> None:
    shown = bright_shown(BOX)
    assert (empty(shown) == 0).all()
    grown = replace(shown, pixels=shown.pixels)
    assert empty(grown).shape == shown.pixels.shape
