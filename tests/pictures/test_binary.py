"""Bytes into pictures: what every layout shows, for files of every size, and the way back."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photism.errors import DecodeError, OptionError
from photism.pictures.binary import BLOCK_BYTES, LAYOUTS, fit_recipe, locate, render
from photism.types import ByteString, Picture, Recipe

SIZES = st.integers(1, 200) | st.sampled_from([1023, 1024, 1025, 4096, 10_001, 65_536, 65_537, 300_000])


def signal(n_bytes: int, seed: int = 0) -> ByteString:
    return ByteString(np.random.default_rng(seed).integers(0, 256, n_bytes).astype(np.uint8))


def picture(bytes_: ByteString, layout: str, **options: int) -> Picture:
    ((one,),) = render(bytes_, fit_recipe([], options={"layout": layout, **options}))
    return one


def test_a_recipe_writes_out_every_option() -> None:
    recipe = fit_recipe([{"size_bytes": 10.0}], size_px=224)
    assert recipe.kind == "binary"
    assert set(recipe.options) == {"layout", "size_px", "sample_bytes"}
    assert recipe.options["size_px"] == 256


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"layout": "spiral"}, "spiral"),
        ({"layout": "pairs+pairs"}, "each once"),
        ({"layout": ""}, "layout"),
        ({"size_px": 4}, "size_px"),
        ({"size_px": True}, "size_px"),
        ({"sample_bytes": 100}, "sample_bytes"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, str | int], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        fit_recipe([], options=options)


def test_no_bytes_and_a_foreign_recipe_are_refused() -> None:
    with pytest.raises(DecodeError, match="empty"):
        render(signal(0), fit_recipe([]))
    with pytest.raises(OptionError, match="image"):
        render(signal(10), Recipe("image", 1, {}))


@pytest.mark.parametrize("size_px", [8, 100, 224, 256])
@pytest.mark.parametrize("n_bytes", [1, 2, 3, 31, 33, 4096, 9_999, 123_457])
def test_files_of_every_size_fill_panels_of_one_size(n_bytes: int, size_px: int) -> None:
    recipe = fit_recipe([], options={"layout": "+".join(LAYOUTS), "size_px": size_px})
    (window,) = render(signal(n_bytes), recipe)
    assert [one.panel for one in window] == list(LAYOUTS)
    for one in window:
        assert one.pixels.shape == (size_px, size_px, 3)
        assert one.pixels.dtype == np.uint8
        assert one.content == (0, 0, size_px, size_px)
        assert one.pixels.any() or (one.panel == "pairs" and n_bytes == 1)  # a byte alone makes no pair
        locate(one, size_px - 1, size_px - 1)


def test_the_same_bytes_give_the_same_pixels() -> None:
    recipe = fit_recipe([], options={"layout": "+".join(LAYOUTS)})
    first, again = render(signal(5_000), recipe)[0], render(signal(5_000), recipe)[0]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, again, strict=True))


def test_which_sides_mean_something() -> None:
    recipe = fit_recipe([], options={"layout": "+".join(LAYOUTS)})
    anywhere = {one.panel: (one.x.anywhere, one.y.anywhere) for one in render(signal(100), recipe)[0]}
    assert anywhere == {"reshape": (True, True), "hilbert": (True, True), "pairs": (False, False)}


# ── pairs ────────────────────────────────────────────────────────────────────────────────────────────


def test_pairs_are_counted_where_they_belong() -> None:
    one = picture(ByteString(np.frombuffer(b"ABAB", np.uint8)), "pairs")
    red = one.pixels[..., 0]
    assert {(int(r), int(c)) for r, c in zip(*np.nonzero(red), strict=True)} == {(65, 66), (66, 65)}
    assert red[65, 66] >= red[66, 65]


@settings(max_examples=20, deadline=None)
@given(n_bytes=st.integers(2, 5_000) | st.sampled_from([(1 << 18) - 1, 1 << 18, (1 << 18) + 1, (1 << 18) + 2]))
def test_pairs_agree_with_counting_one_by_one(n_bytes: int) -> None:
    one = signal(n_bytes)
    counts = np.zeros((256, 256))
    np.add.at(counts, (one.values[:-1], one.values[1:]), 1)
    expected = np.log1p(counts * 65536 / (n_bytes - 1) / 16) / np.log1p(512 / 16)
    np.testing.assert_array_equal(picture(one, "pairs").pixels[..., 0], np.rint(np.clip(expected, 0, 1) * 255))


def test_a_files_length_alone_hardly_changes_its_pairs() -> None:
    short = np.tile(np.arange(256, dtype=np.uint8), 64)
    a, b = (picture(ByteString(np.tile(short, n)), "pairs").pixels.astype(int) for n in (1, 50))
    assert np.abs(a - b).max() <= 2  # the pair at the seam


# ── places ───────────────────────────────────────────────────────────────────────────────────────────


def test_reshape_is_the_classic_byte_plot() -> None:
    one = signal(4096)
    grey = picture(one, "reshape").pixels[..., 0]
    # 4 kB: rows of 32 bytes (Nataraj 2011), 128 of them; 256 px are 8 a byte across and 2 down.
    np.testing.assert_array_equal(grey, one.values.reshape(128, 32).repeat(2, axis=0).repeat(8, axis=1))


def test_reshape_of_many_rows_shows_means() -> None:
    one = signal(1 << 21)
    grey = picture(one, "reshape").pixels[..., 0]
    expected = one.values.reshape(256, 8, 256, 4).mean(axis=(1, 3))
    assert np.abs(grey - expected).max() <= 1.5


def test_entropy_and_class_of_plain_stretches() -> None:
    stretches = [np.zeros(1024), np.full(1024, 0xFF), np.full(1024, ord("a")), np.arange(1024) % 256]
    for layout in ("hilbert", "reshape"):
        one = picture(ByteString(np.concatenate(stretches).astype(np.uint8)), layout)
        seen = {(int(e), int(c)) for e, c in one.pixels[..., 1:].reshape(-1, 2)}
        assert {(0, 0), (0, 255), (0, 128)} <= seen
        assert max(entropy for entropy, _ in seen) == 255


@settings(max_examples=30, deadline=None)
@given(n_bytes=SIZES, layout=st.sampled_from(["hilbert", "reshape"]), where=st.floats(0, 1, exclude_max=True))
def test_a_marked_byte_is_seen_where_locate_says(n_bytes: int, layout: str, where: float) -> None:
    offset = int(where * n_bytes)
    values = np.zeros(n_bytes, np.uint8)
    values[offset] = 255
    one = picture(ByteString(values), layout, size_px=32)
    assert_marked_where_located(one, offset)


def assert_marked_where_located(one: Picture, offset: int) -> None:
    """Check that only pixels that locate puts at ``offset`` are lit, and all of them where a pixel is one byte."""
    size_px = one.pixels.shape[0]
    ranges = [[locate(one, x, y)["offset_bytes"] for x in range(size_px)] for y in range(size_px)]
    says = np.array([[start <= offset < stop for start, stop in line] for line in ranges])
    single = np.array([[stop - start == 1 for start, stop in line] for line in ranges])
    lit = one.pixels[..., 0] > 0
    assert says.any()
    assert not (lit & ~says).any()
    assert (lit | ~says | ~single).all()


@settings(max_examples=30, deadline=None)
@given(n_bytes=SIZES, size_px=st.sampled_from([16, 25, 32]))
def test_hilbert_pixels_cover_the_file_once_and_in_order(n_bytes: int, size_px: int) -> None:
    one = picture(signal(n_bytes), "hilbert", size_px=size_px)
    ranges = sorted({locate(one, x, y)["offset_bytes"] for x in range(size_px) for y in range(size_px)})
    assert ranges[0][0] == 0
    assert ranges[-1][1] == n_bytes
    assert all(a[1] == b[0] for a, b in pairwise(ranges))


@settings(max_examples=30, deadline=None)
@given(first=st.integers(0, 255), second=st.integers(0, 255), size_px=st.sampled_from([64, 100, 256, 300]))
def test_a_pair_is_seen_where_locate_says(first: int, second: int, size_px: int) -> None:
    one = picture(ByteString(np.array([first, second], np.uint8)), "pairs", size_px=size_px)
    for y, x in zip(*np.nonzero(one.pixels[..., 0]), strict=True):
        found = locate(one, int(x), int(y))
        assert found["first_byte"][0] <= first < found["first_byte"][1]
        assert found["second_byte"][0] <= second < found["second_byte"][1]
    assert one.pixels[..., 0].any()


def test_a_pixel_outside_is_refused() -> None:
    with pytest.raises(OptionError, match="256 x 256"):
        locate(picture(signal(10), "pairs"), 256, 0)


# ── long files ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("layout", ["hilbert", "reshape"])
def test_a_sample_stands_for_the_stretch_it_was_taken_from(layout: str) -> None:
    n_blocks = 4
    values = np.zeros(6 * n_blocks * BLOCK_BYTES, np.uint8)  # rows of 256 bytes, none cut short
    values[12 * BLOCK_BYTES :] = 255
    one = picture(ByteString(values), layout, size_px=64, sample_bytes=n_blocks * BLOCK_BYTES)
    for x, y in [(x, y) for x in range(64) for y in range(64)]:
        start, stop = locate(one, x, y)["offset_bytes"]
        if not start < 12 * BLOCK_BYTES < stop:
            assert one.pixels[y, x, 0] == (255 if start >= 12 * BLOCK_BYTES else 0), (x, y, start, stop)


def test_pairs_of_a_sample_do_not_join_its_blocks() -> None:
    values = np.zeros(8 * BLOCK_BYTES, np.uint8)
    values[BLOCK_BYTES - 1] = 7  # the last byte of the first block, followed by one that is not read
    red = picture(ByteString(values), "pairs", sample_bytes=2 * BLOCK_BYTES).pixels[..., 0]
    assert red[0, 7] > 0
    assert red[7, 0] == 0


def test_a_gigabyte_is_rendered_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "sparse.bin"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    mapped = ByteString(np.memmap(path, np.uint8, mode="r"))
    recipe = fit_recipe([], options={"layout": "pairs+hilbert+reshape", "sample_bytes": 1 << 21})
    tracemalloc.start()
    try:
        render(mapped, recipe)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20
