"""The atlas in real Chromium: nothing scrolls sideways, nothing is fetched, text can be read in light and dark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.browser.test_report import CONTRAST

from photism.layers.atlas import Atlas, ChosenFile, Looked
from photism.layers.captions import Caption
from photism.layers.changed import Changed, StageChange, Turned
from photism.layers.claims import Claim
from photism.layers.dream import Dream
from photism.layers.exemplars import Patch
from photism.layers.measures import MEASURES
from photism.layers.stage_atlas import ChannelAtlas, StageAtlas
from photism.recognizers.table import Stage
from photism.report.atlas_page import save_atlas
from photism.types import Axis

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

LONG = "a-label-that-is-so-long-that-it-must-wrap-or-it-would-widen-the-page-of-a-telephone"


def made_atlas() -> Atlas:
    """Nine stages with everything that a page can show, and long names."""
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    patch = Patch(0, f"{LONG}.png", LONG, (0, 0, 64, 64), (1, 1), 1.0, pixels)
    channel = ChannelAtlas(3, "fine horizontal edges", LONG, 0.93, (patch,) * 6, (pixels,) * 3)
    stages = []
    for i in range(9):
        claims = tuple(
            Claim(f"stage{i}", key, 0.5, 0.4, 0.6, 0.1, 0.4, 0.1 if i % 2 else -0.1, 0.7) for key in list(MEASURES)[:16]
        )
        captions = (Caption("colour: red", "colour"), Caption("corners", "corners"))
        heat = np.linspace(0, 1, 49, dtype=np.float32).reshape(7, 7)
        row = Stage(f"stage{i}", 2, 2, 3)
        stages.append(StageAtlas(row, 3.0, 24, claims, captions, ((LONG, 1),), (channel,) * 3, 0.6, heat))
    turned = Turned("stage8", 1, LONG, 0.5, 0.9, (patch,) * 4, (patch,) * 4)
    side = Axis("x", "px", 0.0, 64.0, anywhere=True)
    return Atlas(
        "image", "efficientnet_lite0", None, "photograph", ("path",), (LONG, "b"), ("photograph/stage8",),
        Looked(240, 80, 16, 5, 128), (side, side), "guided gradients", tuple(stages),
        pixels[None, :5, :5].repeat(2, axis=0), ChosenFile(f"{LONG}.png", LONG, pixels),
        Changed((StageChange("stage8", 0.1, 0.9),), (turned,)), (Dream("stage8", 3, pixels, 0.0, 1.0, 2.0),),
        {"claims": 20.0},
    )  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_atlas_can_be_read(browser: Browser, tmp_path: Path, scheme: str, width: int) -> None:
    page = tmp_path / "atlas.html"
    atlas = made_atlas()
    save_atlas(replace(atlas, labels=(LONG, "b")), page, title=LONG, command=f"photism layers {LONG}")
    view = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    asked: list[str] = []
    view.on("request", lambda request: asked.append(request.url))
    view.goto(page.as_uri())
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert view.evaluate(CONTRAST) == []
    assert view.evaluate("[...document.images].every(one => one.alt !== '')")
    view.close()
