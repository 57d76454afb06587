"""What file names and headers say about where files come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from photism.executor import SerialExecutor
from photism.trust.origin import Origin, Tags, read_tags, same_origin, source_in_name
from photism.types import Sample


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("dog/1-100032-A.ogg", ("100032", True)),
        ("audio/1-100032-A-0.wav", ("100032", True)),
        ("rec12_a.wav", ("rec12", True)),
        ("REC-12_b.wav", ("rec12", True)),
        ("x/patient7_scan2.png", ("patient7", True)),
        ("video12_frame_0034.jpg", ("video12", True)),
        ("p225_003.wav", ("p225", False)),
        ("photo17 (2).jpg", ("photo17", False)),
        ("scan4_left.png", ("scan4", False)),
        ("12345_2.jpg", ("12345", True)),
        ("train_0001.bin", None),
        ("0_george_12.wav", None),
        ("dog_1_0012.jpg", None),
        ("0001.jpg", None),
        ("cat.123.jpg", None),
        ("06a00c0f-5f9a-410d-a7da-3881a9df3a71.jpg", None),
        ("IMG_20210304_101010.jpg", None),
        ("session3/x.wav", None),
    ],
)
def test_names(name: str, source: tuple[str, bool] | None) -> None:
    assert source_in_name(name) == source


def named(*names: str, labels: str | None = None) -> list[Sample]:
    return [Sample(Path("nowhere", n), n, (labels or "x" * len(names))[i]) for i, n in enumerate(names)]


def test_files_of_one_recording_are_joined_across_labels() -> None:
    fillers = [f"{i:04}.wav" for i in range(20)]
    found = same_origin(
        named("rec1_a.wav", "rec1_b.wav", "rec2_a.wav", *fillers, labels="xyx" + "x" * 20), SerialExecutor()
    )
    assert found == (Origin((0, 1), "rec1", "file names"),)


def test_short_identifiers_count_anew_under_each_label() -> None:
    fillers = [f"{i:04}.wav" for i in range(20)]
    names = ("p12_1.wav", "p12_2.wav", "p12_3.wav", "p13_1.wav", "p13_2.wav", *fillers)
    found = same_origin(named(*names, labels="xxyxx" + "x" * 20), SerialExecutor())
    assert [origin.members for origin in found] == [(0, 1), (3, 4)]


def test_a_name_of_the_class_is_no_source() -> None:
    names = [f"digit{k:02}_{i}.png" for k in range(10) for i in range(4)]
    labels = "".join(str(k) for k in range(10) for _ in range(4))
    assert same_origin(named(*names, labels=labels), SerialExecutor()) == ()


def test_what_nearly_all_files_share_is_no_source() -> None:
    names = [f"session1_{chr(97 + i)}.wav" for i in range(20)]
    assert same_origin(named(*names), SerialExecutor()) == ()


def photograph(path: Path, camera: str, taken: str) -> None:
    exif = Image.Exif()
    exif[0x0110] = camera
    exif.get_ifd(0x8769)[0x9003] = taken
    Image.new("RGB", (8, 8)).save(path, exif=exif)


def test_pictures_of_one_camera_seconds_apart_are_one_session(tmp_path: Path) -> None:
    moments = ["10:00:00", "10:00:08", "10:00:16", "11:00:00", "10:00:04"]
    for i, moment in enumerate(moments):
        photograph(tmp_path / f"{i}.jpg", "A" if i < 4 else "B", f"2021:03:04 {moment}")
    for i in range(5, 20):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{i}.jpg")
    (tmp_path / "20.jpg").write_bytes((tmp_path / "0.jpg").read_bytes()[:60])
    found = same_origin([Sample(tmp_path / f"{i}.jpg", f"{i}.jpg", "x") for i in range(21)], SerialExecutor())
    assert found == (Origin((0, 1, 2), "A, 2021-03-04 10:00:00", "EXIF camera and time"),)


def test_sounds_of_one_track_are_one_source(tmp_path: Path) -> None:
    for i, title in enumerate(["Rain in Kyoto", "Rain in Kyoto", "", "Dogs"]):
        with soundfile.SoundFile(tmp_path / f"{i}.wav", "w", 8000, 1) as sound:
            if title:
                sound.title, sound.artist = title, "N. N."
            sound.write(np.zeros(100))
    for i in range(4, 14):
        (tmp_path / f"{i}.wav").write_text("no sound")
    samples = [Sample(tmp_path / f"{i}.wav", f"{i}.wav", "x") for i in range(14)]
    assert same_origin(samples, SerialExecutor()) == (
        Origin((0, 1), "Rain in Kyoto · N. N.", "title, artist and album"),
    )


def test_wrong_headers_say_nothing(tmp_path: Path) -> None:
    photograph(tmp_path / "odd.jpg", "A", "yesterday at noon")
    assert read_tags(tmp_path / "odd.jpg") == Tags()
    assert read_tags(tmp_path / "missing.jpg") == Tags()


def test_an_origin_is_json_and_a_sentence() -> None:
    origin = Origin((0, 3), "rec12", "file names")
    assert origin.to_json() == {"members": [0, 3], "source": "rec12", "how": "file names"}
    assert origin.to_text() == "2 files seem to come from one source, rec12 (file names)."
