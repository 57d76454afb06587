"""What is read of a file's container is what was done to the file; what cannot be read is a sentence."""

from __future__ import annotations

import io
import json
import math
import pickle
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from photism.data.container import FILE_NAME, FOLDER, TRACES, Nuisances, nuisances
from photism.data.container_image import GRID_TRACE, grid_trace
from photism.data.container_sound import BAND_LIMIT, band_limit_khz
from photism.types import KINDS, Kind


def read(path: Path, kind: Kind) -> Nuisances:
    found = nuisances(path, kind)
    assert isinstance(found, Nuisances), found
    return found


def photo(h: int = 96, w: int = 128) -> PIL.Image.Image:
    """A smooth scene with some noise, so that compression has something to do."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:h, :w]
    scene = 120 + 60 * np.sin(x / 17)[..., None] * np.cos(y / 23)[..., None] + rng.normal(0, 6, (h, w, 3))
    return PIL.Image.fromarray(np.clip(scene, 0, 255).astype(np.uint8))


def chirp(rate_hz: int = 44_100, seconds: float = 1.0) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, int(rate_hz * seconds)).clip(-0.9, 0.9)


# ── images ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("quality", [1, 30, 50, 75, 95])
def test_the_quality_of_a_jpeg_is_read_from_its_tables(tmp_path: Path, quality: int) -> None:
    photo().save(tmp_path / "a.jpg", quality=quality)
    assert read(tmp_path / "a.jpg", "image").container["quantisation"] == f"quality {quality}"


def test_tables_that_are_not_scaled_as_usual_are_told_apart_by_their_content(tmp_path: Path) -> None:
    for name, step in (("a", 7), ("b", 9)):
        photo().save(tmp_path / f"{name}.jpg", qtables=[[step] * 64, [step] * 64])
    found = [read(tmp_path / f"{name}.jpg", "image").container["quantisation"] for name in "ab"]
    assert found[0] != found[1]
    assert all(str(each).startswith("tables ") for each in found)


@pytest.mark.parametrize(
    ("options", "name", "expected"),
    [
        ({"progressive": True}, "process", "progressive"),
        ({}, "process", "baseline"),
        ({"subsampling": 0}, "chroma subsampling", "4:4:4"),
        ({"subsampling": 1}, "chroma subsampling", "4:2:2"),
        ({"subsampling": 2}, "chroma subsampling", "4:2:0"),
        ({"optimize": True}, "Huffman tables", "optimised"),
        ({}, "Huffman tables", "standard"),
        ({"comment": "by hand"}, "comment", "by hand"),
        ({"restart_marker_blocks": 4}, "restart interval", 4.0),
        ({"dpi": (72, 72)}, "density (dpi)", "72 x 72"),
        ({}, "bit depth", 8.0),
        ({}, "channels", 3.0),
        ({}, "segments", "APP0:JFIF DQT SOF DHT"),
    ],
)
def test_how_a_jpeg_was_saved(tmp_path: Path, options: dict, name: str, expected: float | str) -> None:
    photo().save(tmp_path / "a.jpg", **options)
    assert read(tmp_path / "a.jpg", "image").container[name] == expected


def test_camera_and_program_are_read_from_exif(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131], exif[0x0112] = "Maker", "Model 3", "Editor 2", 6
    photo().save(tmp_path / "with.jpg", exif=exif)
    photo().save(tmp_path / "without.jpg")
    found = read(tmp_path / "with.jpg", "image").container
    expected = {"EXIF": "yes", "camera": "Maker Model 3", "software": "Editor 2", "orientation tag": "6"}
    assert expected.items() <= found.items()
    bare = read(tmp_path / "without.jpg", "image").container
    assert bare["EXIF"] == "no"
    assert not {"camera", "software", "orientation tag"} & bare.keys()


def test_how_a_png_was_saved(tmp_path: Path) -> None:
    photo().convert("P").save(tmp_path / "palette.png")
    PIL.Image.fromarray(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)).save(tmp_path / "deep.png")
    palette, deep = (read(tmp_path / f"{name}.png", "image").container for name in ("palette", "deep"))
    assert (palette["bit depth"], palette["colour type"], palette["interlaced"]) == (8.0, "palette", "no")
    assert (deep["bit depth"], deep["colour type"]) == (16.0, "grey")


def test_the_content_of_an_image(tmp_path: Path) -> None:
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, :40] = 200
    PIL.Image.fromarray(pixels).save(tmp_path / "a.png")
    content = read(tmp_path / "a.png", "image").content
    assert (content["width (px)"], content["height (px)"], content["aspect (width / height)"]) == (80, 40, 2)
    assert content["mean brightness (0 to 255)"] == pytest.approx(100)
    assert content["contrast (0 to 128)"] == pytest.approx(100)
    assert content["bits a pixel"] == pytest.approx(8 * (tmp_path / "a.png").stat().st_size / 3200)


def test_a_jpeg_leaves_its_grid_in_what_is_saved_without_loss() -> None:
    clean = np.asarray(photo(256, 256).convert("L"))
    stream = io.BytesIO()
    PIL.Image.fromarray(clean).save(stream, "JPEG", quality=15)
    coarse = np.asarray(PIL.Image.open(stream))
    assert grid_trace(coarse) > grid_trace(clean) + 0.5
    assert abs(grid_trace(clean)) < 0.15
    assert grid_trace(np.ascontiguousarray(coarse[3:, 3:])) < 0.3  # cut off the grid
    assert math.isnan(grid_trace(clean[:20, :20]))
    assert {GRID_TRACE, BAND_LIMIT} == TRACES


# ── sounds ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("ending", "codec", "expected"),
    [
        (".wav", "PCM_16", {"format": "WAV", "codec": "PCM_16", "chunks": "fmt :16 data", "bits really used": 16.0}),
        (".wav", "PCM_24", {"codec": "PCM_24", "bits really used": 24.0}),
        (".flac", "PCM_16", {"format": "FLAC", "bits really used": 16.0}),
        (".ogg", "VORBIS", {"format": "OGG", "codec": "VORBIS"}),
        (".mp3", "MPEG_LAYER_III", {"format": "MP3"}),
    ],
)
def test_how_a_sound_was_saved(tmp_path: Path, ending: str, codec: str, expected: dict) -> None:
    soundfile.write(tmp_path / f"a{ending}", chirp(), 44_100, subtype=codec)
    found = read(tmp_path / f"a{ending}", "sound").container
    found = {**found, "chunks": str(found.get("chunks", "")).replace("fmt:", "fmt :")}
    assert {"rate (Hz)": 44_100.0, "channels": 1.0, **expected}.items() <= found.items()
    assert ("bits really used" in found) == (codec.startswith("PCM"))


def test_vorbis_names_its_encoder_and_its_rate(tmp_path: Path) -> None:
    for name, level in (("fine", 0.1), ("coarse", 0.9)):
        soundfile.write(tmp_path / f"{name}.ogg", chirp(), 44_100, compression_level=level)
    fine, coarse = (read(tmp_path / f"{name}.ogg", "sound").container for name in ("fine", "coarse"))
    assert "libsndfile" in str(fine["encoder"]) or "Xiph" in str(fine["encoder"])
    assert fine["nominal rate (kbit/s)"] > coarse["nominal rate (kbit/s)"] > 0


@pytest.mark.parametrize(("bits", "codec"), [(8, "PCM_16"), (12, "PCM_16"), (16, "PCM_24"), (16, "FLOAT")])
def test_bits_that_are_never_used_are_seen(tmp_path: Path, bits: int, codec: str) -> None:
    scale = 2 ** (bits - 1)
    soundfile.write(tmp_path / "a.wav", np.round(chirp() * scale) / scale, 44_100, subtype=codec)
    assert read(tmp_path / "a.wav", "sound").container["bits really used"] == bits


def test_numbers_and_channels_of_sounds(tmp_path: Path) -> None:
    one = chirp()
    soundfile.write(tmp_path / "float.wav", one, 44_100, subtype="FLOAT")
    soundfile.write(tmp_path / "alike.wav", np.column_stack((one, one)), 44_100)
    soundfile.write(tmp_path / "apart.wav", np.column_stack((one, -one)), 44_100)
    assert read(tmp_path / "float.wav", "sound").container["bits really used"] == "fractions"
    assert read(tmp_path / "alike.wav", "sound").container["channels alike"] == "yes"
    assert read(tmp_path / "apart.wav", "sound").container["channels alike"] == "no"


@settings(max_examples=20, deadline=None)
@given(st.floats(-30, -1), st.floats(0.1, 1.0))
def test_level_and_peak_of_a_tone_are_its_own(
    tmp_path_factory: pytest.TempPathFactory, peak_db: float, s: float
) -> None:
    """A sine's power lies 3.01 dB below its peak."""
    path = tmp_path_factory.mktemp("tone") / "a.wav"
    tone = 10 ** (peak_db / 20) * np.sin(2 * np.pi * 1000 * np.arange(int(s * 16_000)) / 16_000)
    soundfile.write(path, tone, 16_000, subtype="FLOAT")
    content = read(path, "sound").content
    assert content["peak (dB re full scale)"] == pytest.approx(peak_db, abs=0.2)
    assert content["level (dB re full scale)"] == pytest.approx(peak_db - 3.01, abs=0.1)
    assert content["mean frequency (Hz)"] == pytest.approx(1000, rel=0.05)
    assert content["duration (s)"] == pytest.approx(len(tone) / 16_000)


def test_digital_silence_is_counted(tmp_path: Path) -> None:
    sound = chirp()
    sound[: len(sound) // 4] = 0
    soundfile.write(tmp_path / "a.wav", sound, 44_100)
    assert read(tmp_path / "a.wav", "sound").content["share of digital silence"] == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("cut_hz", [6_000, 11_000, 16_000])
def test_a_wall_in_the_spectrum_is_found_where_it_stands(cut_hz: int) -> None:
    sound = chirp(seconds=3)
    spectrum = np.fft.rfft(sound)
    spectrum[np.fft.rfftfreq(len(sound), 1 / 44_100) > cut_hz] = 0
    walled = np.fft.irfft(spectrum, len(sound)) + np.random.default_rng(1).normal(0, 1e-5, len(sound))
    found = band_limit_khz(walled.astype(np.float32), 44_100)
    assert found == pytest.approx(cut_hz / 1000, abs=0.51)


def test_no_wall_is_found_where_there_is_none() -> None:
    sound = chirp(seconds=3)
    f = np.fft.rfftfreq(len(sound), 1 / 44_100)
    falling = np.fft.irfft(np.fft.rfft(sound) / (1 + (f / 1000) ** 2), len(sound))
    for samples in (sound, falling, np.zeros(44_100), sound[:100]):
        assert band_limit_khz(samples.astype(np.float32), 44_100) is None


# ── tracks ───────────────────────────────────────────────────────────────────────────────────────────


def table(xy: np.ndarray, *, form: str = "{:.2f}", ends: str = "\n", tick_ms: int = 8, delimiter: str = ",") -> bytes:
    lines = [delimiter.join("xyt")]
    lines += [delimiter.join((form.format(x), form.format(y), str(i * tick_ms))) for i, (x, y) in enumerate(xy)]
    return (ends.join(lines) + ends).encode()


def walk(n: int = 40) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 900, (n, 2))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"ends": "\r\n"}, {"line ends": "CRLF"}),
        ({"ends": "\n"}, {"line ends": "LF", "last line ends": "yes"}),
        ({"delimiter": ";"}, {"layout": "semicolons", "columns": "x;y;t"}),
        ({"delimiter": "\t"}, {"layout": "tabs"}),
        ({"form": "{:.0f}"}, {"place is written": "whole", "place decimals": 0.0, "grid of x (px)": 1.0}),
        ({"form": "{:.2f}"}, {"place is written": "fractions", "place decimals": 2.0, "grid of y (px)": 0.01}),
        ({"tick_ms": 15}, {"clock counts in (ms)": 15.0, "time is written": "whole", "time unit": "ms"}),
    ],
)
def test_how_a_track_was_written(tmp_path: Path, options: dict, expected: dict) -> None:
    (tmp_path / "a.csv").write_bytes(table(walk(200), **options))
    assert expected.items() <= read(tmp_path / "a.csv", "mouse").container.items()


def test_whole_numbers_with_a_point_are_another_form(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(table(walk().round(), form="{:.1f}"))
    assert read(tmp_path / "a.csv", "mouse").container["place is written"] == "whole, with .0"


def test_a_grid_of_few_points_cannot_be_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(table(walk(5)))
    found = read(tmp_path / "a.csv", "mouse").container
    assert all(math.isnan(float(found[name])) for name in ("grid of x (px)", "grid of y (px)", "clock counts in (ms)"))


@pytest.mark.parametrize("array", [True, False])
def test_tracks_in_json_are_read_too(tmp_path: Path, array: bool) -> None:
    rows = [{"t": i * 10, "x": round(float(x), 3), "y": round(float(y), 3)} for i, (x, y) in enumerate(walk())]
    text = json.dumps(rows) if array else "\n".join(json.dumps(row) for row in rows)
    (tmp_path / "a.json").write_text(text)
    found = read(tmp_path / "a.json", "mouse").container
    expected = {"layout": "JSON array" if array else "JSON lines", "columns": "t x y", "place decimals": 3.0}
    assert expected.items() <= found.items()
    assert found["clock counts in (ms)"] == 10


def test_marks_of_text_are_seen(tmp_path: Path) -> None:
    plain = table(walk()).decode()
    for name, encoding in (("UTF-8 with a mark", "utf-8-sig"), ("UTF-16", "utf-16"), ("plain", "ascii")):
        (tmp_path / "a.csv").write_bytes(plain.encode(encoding))
        found = read(tmp_path / "a.csv", "mouse").container
        assert (found["text"], found["line ends"], found["layout"]) == (name, "LF", "commas")


def test_measures_of_a_track(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(table(np.array([[0, 0], [3, 4], [3, 4], [6, 8]]), tick_ms=10))
    content = read(tmp_path / "a.csv", "mouse").content
    expected = {
        "points": 4,
        "duration (s)": 0.03,
        "path (px)": 10,
        "width (px)": 6,
        "height (px)": 8,
        "straightness": 1,
    }
    assert {name: content[name] for name in expected} == pytest.approx(expected)
    assert content["share of still steps"] == pytest.approx(1 / 3)
    assert content["mean speed (px/s)"] == pytest.approx(10 / 0.03)


# ── bytes, names, and what cannot be read ────────────────────────────────────────────────────────────


def test_bytes_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 16)
    content = read(tmp_path / "a.bin", "binary").content
    assert content["entropy (bits a byte)"] == pytest.approx(8)
    assert (content["size (bytes)"], content["share of zero bytes"]) == (4096, 1 / 256)
    assert content["share of printable bytes"] == 98 / 256
    (tmp_path / "b.hex").write_bytes(b":00000001FF\r\n")
    dump = read(tmp_path / "b.hex", "binary").container
    assert (dump["encoding"], dump["line ends"]) == ("intel hex", "CRLF")


def test_the_name_is_kept_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "DSC_01.v2.BIN").write_bytes(b"abc")
    found = read(tmp_path / "DSC_01.v2.BIN", "binary").container
    assert (found["extension"], found[FOLDER], found[FILE_NAME]) == (".BIN", str(tmp_path), "DSC_01.v2")
    (tmp_path / "none").write_bytes(b"abc")
    assert read(tmp_path / "none", "binary").container["extension"] == "(none)"


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_read_is_a_sentence(tmp_path: Path, kind: Kind) -> None:
    for path in (tmp_path / "missing", tmp_path):
        assert str(nuisances(path, kind)).endswith(".")
    (tmp_path / "text").write_bytes(b"no image, no sound and no track")
    assert isinstance(nuisances(tmp_path / "text", kind), Nuisances if kind == "binary" else str)


def test_a_worker_can_be_sent_the_function_and_send_back_the_value(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"abc")
    found = pickle.loads(pickle.dumps(nuisances))(tmp_path / "a.bin", "binary")
    assert pickle.loads(pickle.dumps(found)) == found


def files() -> dict[Kind, bytes]:
    stream, sound = io.BytesIO(), io.BytesIO()
    photo(48, 48).save(stream, "JPEG", comment="c", dpi=(72, 72))
    soundfile.write(sound, chirp(8000, 0.3), 8000, format="WAV")
    return {"image": stream.getvalue(), "sound": sound.getvalue(), "mouse": table(walk(12)), "binary": b":00000001FF\n"}


FILES = files()


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_damaged_files_never_crash_it(
    tmp_path_factory: pytest.TempPathFactory, kind: Kind, data: st.DataObject
) -> None:
    whole = bytearray(FILES[kind])
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, min(len(whole), 700) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "a"
    path.write_bytes(bytes(whole[: data.draw(st.integers(1, len(whole)))]))
    found = nuisances(path, kind)
    if isinstance(found, Nuisances):
        for value in (*found.container.values(), *found.content.values()):
            assert isinstance(value, str | float)
            assert isinstance(value, str) or not math.isinf(value)
    else:
        assert found.endswith(".")
