"""Planted shortcuts are named, and nothing is called one where nothing was planted (issue 4, "must show" 4).

Every plant is made of a real set's files, one class at a time, in a folder of its own: a class saved at another JPEG
quality, through another codec, 12 dB louder, with rounded numbers, and subtler ones. Test items are left out.

    PHOTISM_DATA=../shared/data python -m benchmarks.shortcuts [--only SET]
"""

from __future__ import annotations

import argparse
import csv
import io
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from benchmarks.main_job import DATA
from photism.data.container import Nuisances, nuisances
from photism.trust.shortcuts import Shortcut, Shortcuts, find_shortcuts
from photism.types import Kind

SETS: dict[str, Kind] = {
    "clothing10": "image", "cifar10": "image", "esc10": "sound", "fsdd": "sound", "mouse_bots": "mouse",
    "filefrag": "binary", "cpu_rec_chunks": "binary",
}  # fmt: skip
N_SHUFFLES = 20
Maker = Callable[[Path, Path], Path]
"""Makes a file like the first in the folder given second, and returns where it is."""


@dataclass(frozen=True)
class Plant:
    """What is done to one class (``mark``) and to all others (``plain``; None leaves them as they are)."""

    of: str
    name: str
    mark: Maker
    plain: Maker | None
    expected: tuple[str, ...]
    share: float = 1.0
    sort: str = "container"


def jpeg(path: Path, folder: Path, *, quality: int, before: int | None = None, **options: object) -> Path:
    """Save an image as JPEG, perhaps through a coarser one first."""
    image = Image.open(path).convert("RGB")
    if before is not None:
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=before)
        image = Image.open(stream)
    out = folder / path.name
    image.save(out, "JPEG", quality=quality, **options)
    return out


def with_exif(path: Path, folder: Path) -> Path:
    """Keep an image's data as they are and put a camera's EXIF before them."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Plantcam", "P1"
    block = exif.tobytes()
    data, out = path.read_bytes(), folder / path.name
    out.write_bytes(data[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + data[2:])
    return out


def copy_as(ending: str) -> Maker:
    """Copy a file under another ending."""

    def make(path: Path, folder: Path) -> Path:
        out = folder / (path.stem + ending)
        out.write_bytes(path.read_bytes())
        return out

    return make


def through(samples: np.ndarray, rate_hz: int, form: str, codec: str, level: float) -> np.ndarray:
    """Send samples through a codec and back."""
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate_hz, format=form, subtype=codec, compression_level=level)
    stream.seek(0)
    back: np.ndarray = soundfile.read(stream, dtype="float32")[0]
    return back


def sound(
    ending: str, codec: str, *, gain: float = 1.0, lossy: tuple[str, str, float] | None = None, coarse: bool = False
) -> Maker:
    """Save a sound in another form, with a gain, through a lossy codec, or with 12 of its 16 bits."""

    def make(path: Path, folder: Path) -> Path:
        samples, rate_hz = soundfile.read(path, dtype="float32")
        if lossy:
            samples = through(samples, rate_hz, *lossy)
        samples = np.clip(samples * gain, -1, 1)
        if coarse:
            samples = np.round(samples * 2048) / 2048
        out = folder / (path.stem + ending)
        soundfile.write(out, samples, rate_hz, subtype=codec)
        return out

    return make


def track(*, decimals: int, ends: str = "\r\n", tick_ms: int = 1) -> Maker:
    """Write a track in finer units, its places with so many decimals; another line end or a coarser clock on demand."""

    def make(path: Path, folder: Path) -> Path:
        rows = list(csv.reader(path.open(newline="")))
        lines = [",".join(rows[0])]
        for x, y, t in rows[1:]:
            tick = round(float(t) / tick_ms) * tick_ms
            lines.append(f"{float(x) / 7.3:.{decimals}f},{float(y) / 7.3:.{decimals}f},{tick}")
        out = folder / path.name
        out.write_bytes((ends.join(lines) + ends).encode())
        return out

    return make


def same(path: Path, _: Path) -> Path:
    """Leave a file where it is."""
    return path


WAV, QUIET = sound(".wav", "PCM_16"), sound(".wav", "PCM_16", gain=0.25)
FINE = track(decimals=3)


def at_60(path: Path, folder: Path) -> Path:
    """Save an image at JPEG quality 60."""
    return jpeg(path, folder, quality=60)


SEGMENTS = ("segments", "EXIF", "camera")
PLANTS = (
    Plant("clothing10", "saved at JPEG quality 60", at_60, None, ("quantisation",)),
    Plant("clothing10", "the same, 60 % of the class", at_60, None, ("quantisation",), 0.6),
    Plant("clothing10", "the same, 30 % of the class", at_60, None, ("quantisation",), 0.3),
    Plant("clothing10", "progressive", lambda p, f: jpeg(p, f, quality=82, progressive=True), None, ("process",)),
    Plant("clothing10", "chroma 4:4:4", lambda p, f: jpeg(p, f, quality=82, subsampling=0), None,
          ("chroma subsampling",)),
    Plant("clothing10", "EXIF of one camera, pixels untouched", with_exif, None, SEGMENTS),
    Plant("clothing10", "EXIF, 60 % of the class", with_exif, None, SEGMENTS, 0.6),
    Plant("clothing10", "extension .JPG", copy_as(".JPG"), None, ("extension",)),
    Plant("clothing10", "quality 20, then 82 like the rest", lambda p, f: jpeg(p, f, quality=82, before=20),
          lambda p, f: jpeg(p, f, quality=82), ("8 px grid (trace of JPEG)",)),
    Plant("esc10", "through MP3, kept as MP3", sound(".mp3", "MPEG_LAYER_III"), None, ("codec", "format")),
    Plant("esc10", "MP3, 60 % of the class", sound(".mp3", "MPEG_LAYER_III"), None, ("codec", "format"), 0.6),
    Plant("esc10", "Ogg Vorbis at another quality", sound(".ogg", "VORBIS"), None, ("nominal rate (kbit/s)",)),
    Plant("esc10", "through MP3 (about 50 kbit/s), then WAV like the rest",
          sound(".wav", "PCM_16", lossy=("MP3", "MPEG_LAYER_III", 0.75)), WAV, ("band limit (kHz)",)),
    Plant("esc10", "through MP3 (about 60 kbit/s), then WAV like the rest",
          sound(".wav", "PCM_16", lossy=("MP3", "MPEG_LAYER_III", 0.6)), WAV, ("band limit (kHz)",)),
    Plant("esc10", "24-bit WAV among 16-bit", sound(".wav", "PCM_24"), WAV, ("codec",)),
    Plant("esc10", "12 bits in 16-bit WAV", sound(".wav", "PCM_16", coarse=True), WAV, ("bits really used",)),
    Plant("esc10", "12 dB louder", WAV, QUIET, ("level (dB re full scale)", "peak (dB re full scale)"), 1.0, "content"),
    Plant("esc10", "nothing (all as WAV, level as it is)", WAV, WAV,
          ("level (dB re full scale)", "peak (dB re full scale)"), 1.0, "content"),
    Plant("mouse_bots", "places rounded to integers", track(decimals=0), FINE, ("place is written", "place decimals")),
    Plant("mouse_bots", "the same, 60 % of the class", track(decimals=0), FINE, ("place is written", "place decimals"),
          0.6),
    Plant("mouse_bots", "LF line ends", track(decimals=3, ends="\n"), FINE, ("line ends",)),
    Plant("mouse_bots", "clock of 15 ms, not 3", track(decimals=3, tick_ms=15), FINE, ("clock counts in (ms)",)),
    Plant("filefrag", "extension .dat", copy_as(".dat"), None, ("extension",)),
)  # fmt: skip


@dataclass(frozen=True)
class Known:
    """A set's files without its test part."""

    name: str
    paths: tuple[Path, ...]
    y: np.ndarray
    groups: tuple[str, ...]
    labels: tuple[str, ...]

    def find(self, found: list[Nuisances | str], y: np.ndarray | None = None) -> Shortcuts:
        """Ask for shortcuts."""
        read = [None if isinstance(each, str) else each for each in found]
        return find_shortcuts(read, self.y if y is None else y, self.groups, labels=self.labels)

    def read(self, paths: list[Path]) -> list[Nuisances | str]:
        """Read nuisances in this process."""
        return [nuisances(path, SETS[self.name]) for path in paths]


def known(name: str) -> Known:
    """Read a set's table."""
    with (DATA / f"{name}.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("split") != "test"]
    labels = tuple(sorted({row["label"] for row in rows}))
    return Known(
        name,
        tuple(DATA / row["path"] for row in rows),
        np.array([labels.index(row["label"]) for row in rows]),
        tuple(row.get("group") or row["path"] for row in rows),
        labels,
    )


def unplanted(data: Known) -> tuple[list[Nuisances | str], str]:
    """Read a set as it is, and count what is called a shortcut in it, also with labels shuffled over groups."""
    start = time.process_time()
    found = data.read(list(data.paths))
    ms = 1000 * (time.process_time() - start) / len(data.paths)
    start = time.process_time()
    shortcuts = data.find(found)
    seconds = time.process_time() - start
    alarms = "; ".join(alarm.to_text() for alarm in shortcuts.alarms) or "none"
    told = ", ".join(f"{each.property} {each.score:.2f}" for each in shortcuts.informative[:3])
    false = sum(bool(s.alarms or s.informative) for s in shuffles(data, found))
    row = f"| {data.name} | {len(found)} | {ms:.2f} | {seconds:.2f} | {alarms} | {told} | {false} of {N_SHUFFLES} |"
    return found, row


def shuffles(data: Known, found: list[Nuisances | str]) -> Iterator[Shortcuts]:
    """Give every group the class of another, so that nothing can be told."""
    _, group = np.unique(data.groups, return_inverse=True)
    first = np.array([data.y[np.argmax(group == g)] for g in range(group.max() + 1)])
    for seed in range(N_SHUFFLES):
        yield data.find(found, np.random.default_rng(seed).permutation(first)[group])


def planted(data: Known, plant: Plant, folder: Path, base: list[Nuisances | str]) -> str:
    """Plant in one class after the other and count how often it is named."""
    rng = np.random.default_rng(0)
    plain = base
    if plant.plain is not None:
        (folder / "plain").mkdir()
        plain = data.read([plant.plain(path, inside(folder / "plain", path)) for path in data.paths])
    hits: list[Shortcut] = []
    others = 0
    for c in range(len(data.labels)):
        items = np.flatnonzero(data.y == c)
        items = items[rng.random(len(items)) < plant.share] if plant.share < 1 else items
        found = list(plain)
        made = [plant.mark(data.paths[i], inside(folder / "plain", data.paths[i])) for i in items]
        for i, each in zip(items, data.read(made), strict=True):
            found[i] = each
        shortcuts = data.find(found)
        listed = shortcuts.alarms if plant.sort == "container" else shortcuts.informative
        label = data.labels[c]
        # of two classes either may be called the marked one
        right = [s for s in listed if s.property in plant.expected and (label in s.classes or len(data.labels) == 2)]
        hits += right[:1]
        others += sum(len(data.labels) > 2 and label not in alarm.classes for alarm in shortcuts.alarms)
    scores = f"{np.mean([s.score for s in hits]):.2f}, lowest bound {min(s.low for s in hits):.2f}" if hits else "–"
    said = hits[0].to_text() if hits else ""
    print(f"    {said}", flush=True)
    return f"| {data.name} | {plant.name} | {plant.sort} | {len(hits)} of {len(data.labels)} | {scores} | {others} |"


def inside(folder: Path, path: Path) -> Path:
    """Return a folder like the file's own below another, so that folders tell nothing."""
    own = folder / path.parent.relative_to(DATA)
    own.mkdir(parents=True, exist_ok=True)
    return own


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SETS)
    only = parser.parse_args().only
    rows: tuple[list[str], list[str]] = ([], [])
    for name in [only] if only else SETS:
        data = known(name)
        base, row = unplanted(data)
        rows[0].append(row)
        for plant in (each for each in PLANTS if each.of == name):
            with tempfile.TemporaryDirectory() as folder:
                rows[1].append(planted(data, plant, Path(folder), base))
    print("| as it is | files | ms a file | test s | alarms | informative | with labels shuffled |")
    print("|---|---|---|---|---|---|---|", *rows[0], sep="\n")
    print("\n| set | planted in one class | sort | named | mean score | alarms about other classes |")
    print("|---|---|---|---|---|---|", *rows[1], sep="\n")


if __name__ == "__main__":
    main()
