"""Near copies are found among files that are made here, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from scipy.ndimage import gaussian_filter

from photism.data.decode_sound import decode_sound
from photism.data.duplicates import content_hash
from photism.errors import WorkerError
from photism.executor import Executor, ProcessExecutor, SerialExecutor
from photism.training.features import Features
from photism.trust import near, same_sound
from photism.trust.near import NearCopies, NearPair, near_duplicates
from photism.trust.shelf import Shelf
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
    copies = near_duplicates(samples, kind, features, SerialExecutor())
    assert (copies.n_unread, copies.n_uncompared, copies.gap) == (0, 0, "")
    pairs = copies.pairs
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
    assert len(pairs.pairs) == 1
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
    found = [near_duplicates(make(), kind, None, SerialExecutor()) for kind in kinds]
    assert found == [NearCopies((), 0, 0, 0)] * 4


@pytest.mark.parametrize("most_bytes", [0, 5_000])
def test_what_was_not_kept_is_read_again(tmp_path: Path, most_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(4):
        scene(seed).save(tmp_path / f"{seed}.png")
        scene(seed).resize((58, 48), Image.Resampling.LANCZOS).save(tmp_path / f"{seed}-half.png")
    roomy = found(tmp_path, "image")
    monkeypatch.setattr(near, "Shelf", lambda: Shelf(most_bytes))
    assert found(tmp_path, "image") == roomy
    assert len(roomy) == 4


def test_sounds_are_compared_alike_kept_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(3):
        soundfile.write(tmp_path / f"{seed}.wav", noise(seed), 16_000)
        soundfile.write(tmp_path / f"{seed}-quiet.wav", 0.3 * noise(seed), 16_000)
    roomy = found(tmp_path, "sound")
    with monkeypatch.context() as full:
        full.setattr(near, "Shelf", lambda: Shelf(0))
        assert found(tmp_path, "sound") == roomy
    with monkeypatch.context() as small:
        small.setattr(near, "LARGEST_KEPT_BYTES", 1_000)
        assert found(tmp_path, "sound") == roomy
    assert len(roomy) == 3


def test_what_was_kept_is_not_decoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(3):
        soundfile.write(tmp_path / f"{seed}.wav", noise(seed), 16_000)
        soundfile.write(tmp_path / f"{seed}-quiet.wav", 0.3 * noise(seed), 16_000)
    opened: list[Path] = []

    def counted(path: Path) -> same_sound.Wave:
        opened.append(path)
        return same_sound.wave_of(decode_sound(path))

    monkeypatch.setattr(same_sound, "_wave", counted)  # without its cache
    monkeypatch.setattr(same_sound, "LEAST_AGREEMENT", 2.0)  # none agree: only those that do are decoded again
    assert found(tmp_path, "sound") == {}
    assert len(opened) == 2 * 6  # for the fingerprint, and for what is kept
    monkeypatch.setattr(near, "Shelf", lambda: Shelf(0))
    assert found(tmp_path, "sound") == {}
    assert len(opened) >= 4 * 6 + 2 * 3


def test_known_hashes_are_believed_and_the_others_made(tmp_path: Path) -> None:
    for seed in range(3):
        scene(seed).save(tmp_path / f"{seed}.png")
    (tmp_path / "2-same.png").write_bytes((tmp_path / "2.png").read_bytes())
    samples = samples_in(tmp_path)
    hashes = {sample.path: content_hash(sample.path) for sample in samples[1:]}
    wanted = near_duplicates(samples, "image", None, SerialExecutor())
    assert near_duplicates(samples, "image", None, SerialExecutor(), hashes=hashes) == wanted
    assert [pair.how for pair in wanted.pairs] == ["the same bytes"]
    lies = {samples[0].path: "a", samples[1].path: "a"}
    told = near_duplicates(samples, "image", None, SerialExecutor(), hashes=lies).pairs
    assert [(pair.first, pair.second) for pair in told] == [(0, 1), (2, 3)]


@dataclass
class Weak(Executor):
    """Gives up on every item whose place is in ``fails``, in the map number ``at``."""

    at: int
    fails: frozenset[int]
    n_maps: int = 0

    def map(self, function: Callable, items: Sequence) -> Iterator:
        self.n_maps += 1
        for place, item in enumerate(items):
            gives_up = self.n_maps == self.at and place in self.fails
            yield WorkerError("reading it took longer than 60 s") if gives_up else function(item)


def test_what_a_worker_gave_up_on_is_counted_and_said(tmp_path: Path) -> None:
    for seed in range(6):
        soundfile.write(tmp_path / f"{seed}.wav", noise(seed), 16_000)
        soundfile.write(tmp_path / f"{seed}-quiet.wav", 0.3 * noise(seed), 16_000)
    samples = samples_in(tmp_path)
    whole = near_duplicates(samples, "sound", None, SerialExecutor())
    assert whole.n_compared >= len(whole.pairs) == 6
    unread = near_duplicates(samples, "sound", None, Weak(1, frozenset({0, 3})))
    assert (unread.n_unread, unread.n_uncompared, len(unread.pairs)) == (2, 0, 4)
    assert unread.gap.startswith("2 files could not be compared")
    stopped = near_duplicates(samples, "sound", None, Weak(2, frozenset({0})))
    assert (stopped.n_unread, stopped.n_uncompared) == (0, 1)
    assert stopped.n_compared == whole.n_compared - 1
    assert stopped.pairs == whole.pairs[1:]
    assert (
        stopped.gap == "1 pair of files could not be compared in the time and memory given: near copies may be missing."
    )
    assert stopped.to_text() == f"5 pairs are near copies; {whole.n_compared - 1} candidates compared. {stopped.gap}"
    assert stopped.to_json()["n_uncompared"] == 1
    both = NearCopies((), 0, 2, 1)
    assert both.gap.startswith("1 file and 2 pairs of files could not")


def test_a_batch_that_dies_counts_all_its_pairs(tmp_path: Path) -> None:
    for seed in range(3):
        scene(seed).save(tmp_path / f"{seed}.png")
        scene(seed).save(tmp_path / f"{seed}.jpg", quality=50)
    samples = samples_in(tmp_path)
    told: list[tuple[str, int, int]] = []
    stopped = near_duplicates(samples, "image", None, Weak(2, frozenset({0})), progress=lambda *each: told.append(each))
    whole = near_duplicates(samples, "image", None, SerialExecutor())
    assert (stopped.pairs, stopped.n_compared) == ((), 0)
    assert stopped.n_uncompared == whole.n_compared >= len(whole.pairs) == 3
    assert told[-1] == ("comparing", whole.n_compared, whole.n_compared)


def test_a_pair_is_json() -> None:
    assert NearPair(0, 4, 0.98, "cropped").to_json() == {"first": 0, "second": 4, "similarity": 0.98, "how": "cropped"}
