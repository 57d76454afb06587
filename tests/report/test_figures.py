"""``render --axes``: a PNG that is whole, quiet and larger than the bare picture; without axes, the very pixels."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image
from tests.sample_accounts import SIDE_PX, sample_window

import photism.pictures.binary
import photism.pictures.image
import photism.pictures.mouse
import photism.pictures.sound
from photism.report.colours import COLOURS, colours_of
from photism.report.figures import draw_picture
from photism.types import Kind, Recipe


@pytest.mark.parametrize("kind", get_args(Kind))
def test_axes_are_drawn_with_nothing_at_the_edge(kind: Kind, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    window = sample_window(kind, Recipe(kind, 1, {}), np.random.default_rng(0), 1)
    out = tmp_path / "picture.png"
    draw_picture(window, out, axes=True, name="$\\frac{1 caf\udce9 音 " + "long" * 40 + ".wav")
    drawn = np.asarray(Image.open(out).convert("RGB"))
    assert drawn.shape[1] >= 700 * len(window)
    frame = np.concatenate([drawn[:4].ravel(), drawn[-4:].ravel(), drawn[:, :4].ravel(), drawn[:, -4:].ravel()])
    assert (frame == 255).all()
    assert capfd.readouterr() == ("", "")


def test_without_axes_the_pixels_are_those_of_the_picture(tmp_path: Path) -> None:
    window = sample_window("binary", Recipe("binary", 1, {}), np.random.default_rng(0), 1)
    draw_picture(window, tmp_path / "picture.png")
    drawn = np.asarray(Image.open(tmp_path / "picture.png"))
    assert drawn.shape == (SIDE_PX, 2 * SIDE_PX, 3)
    np.testing.assert_array_equal(drawn[:, :SIDE_PX], window[0].pixels)


def test_every_panel_of_every_renderer_has_words_for_its_colours() -> None:
    panels = {fit for fits in photism.pictures.image.FITS for fit in fits.split("+")} | {photism.pictures.sound.PANEL}
    panels |= set(photism.pictures.binary.LAYOUTS) | set(photism.pictures.mouse.PANELS)
    assert panels <= set(COLOURS)


def test_depths_of_a_sound_are_said() -> None:
    recipe = Recipe("sound", 1, {"depths_db": [100.0, 70.0, 40.0]})
    (picture,) = sample_window("sound", recipe, np.random.default_rng(0), 1)
    assert "red shows 100 dB below the loudest moment" in colours_of(picture)


def test_matplotlib_is_imported_only_when_axes_are_drawn() -> None:
    code = "import sys, photism.report.figures, photism.report.page; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
