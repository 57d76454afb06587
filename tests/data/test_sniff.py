"""The kind of a file from its content, and of a data set from its files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import soundfile

from photism.data import decode_track
from photism.data.decode import decode
from photism.data.sniff import decide_kind, sniff
from photism.errors import DataError, DecodeError
from photism.types import ByteString, Image, Kind, PointerTrack, Sniffed, Waveform


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """One file of each kind, all with an ending that lies."""
    paths = {kind: tmp_path / f"{kind}.txt" for kind in ("image", "sound", "binary", "mouse")}
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.new("RGB", (30, 20)).save(paths["image"], "JPEG", exif=exif)
    soundfile.write(paths["sound"], np.zeros((4000, 2)), 8000, format="FLAC")
    paths["binary"].write_bytes(bytes(range(256)))
    paths["mouse"].write_text("x,y,t\n1,9,0\n5,2,16\n3,4,48\n")
    return paths


def test_facts_of_each_kind(files: dict[str, Path]) -> None:
    facts = {kind: sniff(path).facts for kind, path in files.items()}
    assert {kind: sniff(path).kind for kind, path in files.items()} == {kind: kind for kind in files}
    assert all(facts[kind]["size_bytes"] == files[kind].stat().st_size for kind in files)
    assert (facts["image"]["width_px"], facts["image"]["height_px"]) == (20, 30)  # upright
    assert (facts["sound"]["duration_s"], facts["sound"]["rate_hz"], facts["sound"]["channels"]) == (0.5, 8000, 2)
    mouse = facts["mouse"]
    assert (mouse["n_points"], mouse["duration_s"], mouse["tick_s"]) == (3, pytest.approx(0.048), 0.001)
    assert (mouse["x_min_px"], mouse["x_max_px"], mouse["y_min_px"], mouse["y_max_px"]) == (1, 5, 2, 9)


def test_decode_gives_the_signal_of_the_kind(files: dict[str, Path]) -> None:
    expected = {"image": Image, "sound": Waveform, "binary": ByteString, "mouse": PointerTrack}
    for kind, path in files.items():
        assert isinstance(decode(path, kind), expected[kind])  # type: ignore[arg-type]
        assert isinstance(decode(path, "binary"), ByteString)


def test_sniffed_sizes_are_those_of_the_decoded_image(tmp_path: Path) -> None:
    for format_name in ("JPEG", "PNG", "TIFF", "WEBP"):
        for orientation in (1, 3, 6, 8):
            exif = PIL.Image.Exif()
            exif[0x0112] = orientation
            PIL.Image.new("RGB", (30, 20)).save(tmp_path / "f", format_name, exif=exif)
            facts = sniff(tmp_path / "f").facts
            height, width, _ = decode(tmp_path / "f", "image").pixels.shape  # type: ignore[union-attr]
            assert (facts["width_px"], facts["height_px"]) == (width, height), (format_name, orientation)


@pytest.mark.parametrize(
    "data",
    [
        b"plain words", b"BM is two letters", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n junk", b"RIFF\0\0\0\0WAVEjunk",
        b"P5 junk", b"II*\0\xff\xff\xff\xff", b"GIF89a", b"OggS and nothing", b"ID3\x03\0\0\0\0\0\x05hello",
        b"\xff\xfb\x90\x44" + bytes(4000), b"x,y,t\nno,numbers,here\n", b'{"x": 1, "y": 2}', b"%!PS\n", b"\0\0\1\0\xff",
    ],
)  # fmt: skip
def test_a_header_that_does_not_hold_up_is_bytes(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f.png").write_bytes(data)
    assert sniff(tmp_path / "f.png").kind == "binary"


def test_damage_behind_the_header_is_not_looked_for(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (99, 99, 3), dtype=np.uint8)).save(buffer, "PNG")
    (tmp_path / "f").write_bytes(buffer.getvalue()[:2000])
    assert sniff(tmp_path / "f").kind == "image"
    (tmp_path / "g").write_bytes(b"x,y,t\n1,2,3\n4,5,6\n7,")
    sniffed = sniff(tmp_path / "g")
    assert sniffed.kind == "mouse"
    assert sniffed.facts.keys() == {"size_bytes", "file_bytes"}
    with pytest.raises(DecodeError, match="damaged near line 3"):
        decode(tmp_path / "g", "mouse")


def test_a_bomb_is_still_an_image(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"P5 60000 60000 255\n")
    assert sniff(tmp_path / "f").kind == "image"


def test_random_bytes_are_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for _ in range(150):
        (tmp_path / "f").write_bytes(rng.bytes(4096))
        assert sniff(tmp_path / "f").kind == "binary"


def test_a_long_track_is_extrapolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_track, "_SNIFF_BYTES", 50_000)
    n_points = 20_000
    (tmp_path / "f").write_text(
        "x,y,t\n" + "".join(f"{i % 900:04d},{i % 500:04d},{i * 10:08d}\n" for i in range(n_points))
    )
    facts = sniff(tmp_path / "f").facts
    assert facts["n_points"] == pytest.approx(n_points, rel=0.01)
    assert facts["duration_s"] == pytest.approx(n_points / 100, rel=0.01)


def test_empty_and_special_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    for path in (tmp_path / "empty.png", tmp_path, Path("/dev/null"), tmp_path / "absent"):
        with pytest.raises(DecodeError, match=path.name):
            sniff(path)


# ── the kind of a data set ───────────────────────────────────────────────────────────────────────────

IMAGE, SOUND, RAW, MOUSE = (Sniffed(kind, {}) for kind in ("image", "sound", "binary", "mouse"))


@pytest.mark.parametrize(
    ("sniffed", "labels", "kind"),
    [
        ([IMAGE] * 10, ["a", "b"] * 5, "image"),
        ([SOUND] * 9 + [RAW], ["a", "b"] * 5, "sound"),
        ([IMAGE] * 18 + [RAW, SOUND], ["a", "b"] * 10, "image"),  # strays
        ([MOUSE], [None], "mouse"),
        ([RAW] * 10, ["a", "b"] * 5, "binary"),
        ([RAW] * 6 + [IMAGE] * 2 + [SOUND] * 2, ["a", "b"] * 5, "binary"),  # some fragments start with headers
        ([IMAGE] * 9 + [RAW] * 3, ["jpg"] * 9 + ["exe"] * 3, "binary"),  # the labels are file types
        ([IMAGE] * 50 + [RAW] * 3, ["jpg"] * 50 + ["exe"] * 3, "binary"),
        ([IMAGE] * 50 + [RAW], ["cat"] * 25 + ["dog"] * 25 + ["notes"], "image"),  # one file is no class
    ],
)
def test_the_kind_of_a_data_set(sniffed: Sequence[Sniffed], labels: Sequence[str | None], kind: Kind) -> None:
    assert decide_kind(sniffed, labels) == kind
    assert decide_kind(sniffed[::-1], labels[::-1]) == kind


@pytest.mark.parametrize(
    ("sniffed", "labels", "found"),
    [
        ([IMAGE] * 5 + [SOUND] * 5, ["a", "b"] * 5, "5 images, 5 sounds"),
        ([IMAGE] * 90 + [SOUND] * 5, ["cat"] * 90 + ["bark"] * 5, "90 images, 5 sounds"),
        ([IMAGE] * 5 + [RAW] * 5, ["a", "b"] * 5, "5 images, 5 nothing but bytes"),
        (
            [IMAGE] * 4 + [SOUND] * 4 + [RAW] * 4,
            ["jpg"] * 4 + ["wav"] * 4 + ["exe"] * 4,
            "4 images, 4 sounds, 4 nothing",
        ),
    ],
)
def test_two_kinds_in_earnest_are_an_error_that_lists_them(
    sniffed: Sequence[Sniffed], labels: Sequence[str | None], found: str
) -> None:
    with pytest.raises(DataError, match=found) as raised:
        decide_kind(sniffed, labels)
    assert "--kind image|" in str(raised.value)


def test_no_files_are_an_error() -> None:
    with pytest.raises(DataError, match="No usable file"):
        decide_kind([], [])
