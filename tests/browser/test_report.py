"""The report in real Chromium: nothing scrolls sideways, nothing is fetched, text can be read, it prints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import pytest
from tests.sample_accounts import imbalanced, sample_account

from photism.report.page import save_page
from photism.types import Kind

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

CONTRAST = """() => {
  const channel = v => (v /= 255, v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const rgb = text => parse(text).map((v, i) => text.startsWith('color(') && i < 3 ? v * 255 : v);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = e => { for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0.99) return c; }
    return [255, 255, 255]; };
  const bad = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement, style = getComputedStyle(e);
    if (!walk.currentNode.data.trim() || e.closest('title') || !e.getClientRects().length) continue;
    if (parseFloat(style.fontSize) === 0 || e.closest('.unseen')) continue;
    const ink = light(rgb(e.closest('svg') ? style.fill : style.color)), back = light(ground(e));
    const ratio = (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05);
    if (ratio < 4.5) bad.push(ratio.toFixed(2) + ' ' + walk.currentNode.data.trim().slice(0, 40));
  }
  return bad;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    accounts = {kind: sample_account(kind) for kind in get_args(Kind)}
    accounts["two"] = imbalanced(sample_account("mouse", n_classes=2))
    accounts["many"] = sample_account("binary", n_classes=72, n_test=500)
    for name, account in accounts.items():
        save_page(account, folder / f"{name}.html")
    return {name: folder / f"{name}.html" for name in accounts}


def opened(browser: Browser, path: Path, *, width: int, scheme: Literal["light", "dark"]) -> tuple[Page, list[str]]:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on(
        "request", lambda request: None if request.url.startswith(("file:", "data:")) else heard.append(request.url)
    )
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    return page, heard


@pytest.mark.parametrize("name", ["sound", "image", "binary", "mouse", "two", "many"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_is_quiet_and_can_be_read(
    browser: Browser, reports: dict[str, Path], name: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    page, heard = opened(browser, reports[name], width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) == []
    page.evaluate("document.querySelectorAll('img').forEach(i => i.loading = 'eager')")
    page.wait_for_function("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    assert heard == []
    page.context.close()


def test_headings_outline_the_page(browser: Browser, reports: dict[str, Path]) -> None:
    page, _ = opened(browser, reports["sound"], width=1280, scheme="light")
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.evaluate("[...document.querySelectorAll('nav a')].every(a => document.querySelector(a.hash))")
    page.context.close()


def test_labels_in_charts_do_not_overlap(browser: Browser, reports: dict[str, Path]) -> None:
    page, _ = opened(browser, reports["binary"], width=390, scheme="light")
    overlaps = page.evaluate("""[...document.querySelectorAll('svg.chart')].flatMap(svg => {
      const boxes = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
      return boxes.flatMap(([a, p], i) => boxes.slice(i + 1).filter(([b, q]) =>
        p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 3 && q.top < p.bottom - 3)
        .map(([b]) => a + ' / ' + b));
    })""")
    assert overlaps == []
    page.context.close()


def test_it_prints(browser: Browser, reports: dict[str, Path]) -> None:
    page, _ = opened(browser, reports["sound"], width=1280, scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(page.pdf(format="A4", print_background=True)) > 20_000
    page.context.close()
