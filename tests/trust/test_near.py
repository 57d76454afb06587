"""Near copies are found among files that are made here, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter
from sklearn.neighbors import NearestNeighbors

from photism.executor import ProcessExecutor, SerialExecutor
from photism.training.features import Features
from photism.trust.near import NearPair, near_duplicates, neighbours, sharers
from photism.types import Kind, Sample


def scene(seed: int, side: int = 96) -> Image.Image:
    """A photograph of nothing: smooth colours with detail on top."""
    rng = np.random.default_rng(seed)
    rough = gaussian_filter(rng.normal(size=(side, side + 20, 3)), (8, 8, 0)) * 8
    fine = gaussian_filter(rng.normal(size=(side, side + 20, 3)), (1.2, 1.2, 0)) * 0.5
    return Image.fromarray(np.clip(128 + 60 * (rough + fine), 0, 255).astype(np.uint8))


def noise(seed: int, seconds: float = 1.5, rate_hz: int = 16_000) -> np.ndarray:
    """Bursts of noise in different bands."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    sound = np.zeros(len(t))
    for start in np.sort(rng.uniform(0, seconds - 0.2, 6)):
        pitch, decay = rng.uniform(200, 3000), rng.uniform(0.03, 0.2)
        on = t >= start
        sound[on] += np.sin(2 * np.pi * pitch * t[on] ** 1.2) * np.exp(-(t[on] - start) / decay)
    return (0.2 * sound + 0.002 * rng.normal(size=len(t))).astype(np.float32)


def samples_in(folder: Path) -> list[Sample]:
    """The files of a folder by name."""
    return [Sample(path, path.name, "x") for path in sorted(folder.iterdir())]


def found(folder: Path, kind: Kind, features: Features | None = None) -> dict[tuple[str, str], NearPair]:
    """The pairs by both names."""
    samples = samples_in(folder)
    pairs = near_duplicates(samples, kind, features, SerialExecutor())
    assert all(pair.first < pair.second and 0.0 <= pair.similarity <= 1.0 for pair in pairs)
    return {(samples[pair.first].name, samples[pair.second].name): pair for pair in pairs}


def test_copies_of_images_are_found_and_no_others(tmp_path: Path) -> None:
    for seed in range(12):
        scene(seed).save(tmp_path / f"{seed:02}.png")
    scene(0).save(tmp_path / "00-jpeg.jpg", quality=50)
    scene(1).resize((58, 48), Image.Resampling.LANCZOS).save(tmp_path / "01-half.png")
    scene(2).crop((4, 2, 108, 88)).save(tmp_path / "02-crop.png")
    scene(3).point(lambda level: 0.8 * level).save(tmp_path / "03-dark.png")
    (tmp_path / "04-same.png").write_bytes((tmp_path / "04.png").read_bytes())
    (tmp_path / "broken.png").write_bytes((tmp_path / "05.png").read_bytes()[:200])
    pairs = found(tmp_path, "image")
    assert sorted(pairs) == [
        ("00-jpeg.jpg", "00.png"),
        ("01-half.png", "01.png"),
        ("02-crop.png", "02.png"),
        ("03-dark.png", "03.png"),
        ("04-same.png", "04.png"),
    ]
    how = [pair.how for _, pair in sorted(pairs.items())]
    assert how[0] == "re-encoded"
    assert how[1] == "resized"
    assert how[2].startswith("cropped to 8")
    assert "brightness" in how[3]
    assert how[4] == "the same bytes"


def test_copies_of_sounds_are_found_and_no_others(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for seed in range(10):
        soundfile.write(tmp_path / f"{seed:02}.wav", noise(seed), 16_000)
    soundfile.write(tmp_path / "00-quiet.wav", 0.3 * noise(0), 16_000)
    soundfile.write(tmp_path / "01-late.wav", np.concatenate([np.zeros(4_803, np.float32), noise(1)[:-4_803]]), 16_000)
    soundfile.write(tmp_path / "02-vorbis.ogg", noise(2), 16_000)
    loud = noise(3)
    hiss = rng.normal(0, 0.1 * np.sqrt(np.mean(loud**2)), len(loud)).astype(np.float32)
    soundfile.write(tmp_path / "03-noisy.wav", loud + hiss, 16_000)
    soundfile.write(tmp_path / "silence1.wav", np.zeros(16_000, np.float32), 16_000)
    soundfile.write(tmp_path / "silence2.wav", np.zeros(20_000, np.float32), 16_000)
    pairs = found(tmp_path, "sound")
    assert sorted(pairs) == [
        ("00-quiet.wav", "00.wav"),
        ("01-late.wav", "01.wav"),
        ("02-vorbis.ogg", "02.wav"),
        ("03-noisy.wav", "03.wav"),
    ]
    how = [pair.how for _, pair in sorted(pairs.items())]
    assert how[0] == "10 dB quieter"
    assert how[1].startswith("shifted in time by 0.30 s")


def test_copies_of_bytes_are_found_and_shared_headers_are_none(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    header = rng.bytes(700)
    content = [rng.bytes(3_300) for _ in range(14)]
    for i, data in enumerate(content):
        (tmp_path / f"{i:02}.bin").write_bytes(header + bytes(200) + data)
    edited = bytearray(header + bytes(200) + content[0])
    for place in rng.choice(len(edited), 42, replace=False):
        edited[place] ^= 0x55
    (tmp_path / "00-edited.bin").write_bytes(edited)
    (tmp_path / "01-window.bin").write_bytes(content[1][1_000:] + rng.bytes(1_500))
    (tmp_path / "02-piece.bin").write_bytes(content[2][500:2_000])
    (tmp_path / "zeros1.bin").write_bytes(bytes(4_000))
    (tmp_path / "zeros2.bin").write_bytes(bytes(3_000) + b"end")
    pairs = found(tmp_path, "binary")
    assert sorted(pairs) == [
        ("00-edited.bin", "00.bin"),
        ("01-window.bin", "01.bin"),
        ("02-piece.bin", "02.bin"),
    ]
    how = [pair.how for _, pair in sorted(pairs.items())]
    assert how[0].endswith("of the bytes changed")
    assert how[1].startswith("overlapping bytes")
    assert how[2] == "one is a part of the other"


def test_workers_find_what_one_process_finds(tmp_path: Path) -> None:
    for seed in range(5):
        scene(seed).save(tmp_path / f"{seed:02}.png")
    scene(0).save(tmp_path / "00-jpeg.jpg", quality=50)
    samples = samples_in(tmp_path)
    told: list[tuple[str, int, int]] = []
    with ProcessExecutor(workers=2) as executor:
        pairs = near_duplicates(samples, "image", None, executor, progress=lambda *each: told.append(each))
    assert pairs == near_duplicates(samples, "image", None, SerialExecutor())
    assert len(pairs) == 1
    assert ("fingerprints", 6, 6) in told


def test_features_bring_candidates_that_thumbnails_miss(tmp_path: Path) -> None:
    for seed in range(8):
        scene(seed).save(tmp_path / f"{seed}.png")
    scene(0).crop((30, 25, 116, 96)).save(tmp_path / "0-part.png")  # too small a part for thumbnails to match
    samples = samples_in(tmp_path)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(len(samples), 20)).astype(np.float32)
    rows[1] = rows[0] + 0.1  # 0-part.png and 0.png
    features = Features({"p/a": rows}, np.arange(len(rows)), np.ones(len(rows), np.float32), len(rows))
    assert found(tmp_path, "image") == {}
    assert list(found(tmp_path, "image", features)) == [("0-part.png", "0.png")]


def test_a_large_set_of_copies_stays_linked(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    data = rng.bytes(3_000)
    for i in range(30):
        edited = bytearray(data)
        for place in rng.choice(len(data), 10, replace=False):
            edited[place] ^= 0x11
        (tmp_path / f"{i:02}.bin").write_bytes(edited)
    reached, links = {"00.bin"}, list(found(tmp_path, "binary"))
    for _ in links:
        reached |= {name for link in links if reached & set(link) for name in link}
    assert len(reached) == 30
    assert len(links) < 30 * 8


@pytest.mark.parametrize("make", [list, lambda: [Sample(Path("nowhere"), "nowhere", "x")]])
def test_nothing_to_compare_is_no_error(make: Callable[[], list[Sample]]) -> None:
    kinds: tuple[Kind, ...] = ("image", "sound", "binary", "mouse")
    assert [near_duplicates(make(), kind, None, SerialExecutor()) for kind in kinds] == [()] * 4


@given(seed=st.integers(0, 1000), n=st.integers(2, 40), k=st.integers(1, 4))
def test_neighbours_are_those_of_scikit_learn(seed: int, n: int, k: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    model = NearestNeighbors(n_neighbors=min(k, n - 1), metric="cosine").fit(rows)
    distances, nearest = model.kneighbors()
    wanted = {
        (min(i, int(j)), max(i, int(j)))
        for i in range(n)
        for j, distance in zip(nearest[i], distances[i], strict=True)
        if 1 - distance >= 0.2
    }
    assert neighbours(rows, np.arange(n), least=0.2, k=k) == wanted


def test_windows_of_one_file_are_not_its_neighbours() -> None:
    rows = np.eye(4, dtype=np.float32)[[0, 0, 0, 1, 0]]
    assert neighbours(rows, np.array([0, 0, 0, 3, 7]), least=0.5) == {(0, 7)}


def test_tokens_of_few_files_pair_them_and_common_ones_do_not() -> None:
    common = np.arange(50, dtype=np.uint64)
    tokens = [np.concatenate([common, np.arange(100, dtype=np.uint64) + np.uint64(1000 * (i + 1))]) for i in range(20)]
    assert sharers(tokens) == set()
    tokens[3] = np.union1d(tokens[3], tokens[17][50:80])
    assert sharers(tokens) == {(3, 17)}


def test_a_pair_is_json() -> None:
    assert NearPair(0, 4, 0.98, "cropped").to_json() == {"first": 0, "second": 4, "similarity": 0.98, "how": "cropped"}
