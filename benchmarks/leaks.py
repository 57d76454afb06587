"""Are planted near copies found, and nothing else? Recall and precision on clothing10, esc10 and filefrag.

The base of each set is its training part (for ``esc10`` its folds 1 to 4), cleared of the near copies that it holds
by nature: those are found first, listed for the eye (``--list``), and of each pair the second file is left out, until
none is found. Then some files are copied, a way after the other, and the search runs again. A pair is right where it
joins a planted copy with what it was made from; every other pair is wrong. Windows are planted only where the part that
both would hold is more than zeros and patterns (zlib does not shrink it to a tenth).

``--speed`` times 20,000 pictures of ``cifar10``.

    PHOTISM_DATA=../shared/data python -m benchmarks.leaks [SET ...] [--copies 200] [--seed 0] [--workers 2] [--list]
"""

from __future__ import annotations

import argparse
import csv
import io
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from benchmarks.main_job import DATA
from photism.data.material import gather
from photism.executor import Executor, ProcessExecutor
from photism.pictures.table import fit_recipe
from photism.recognizers.backbones import load_backbone
from photism.store import cache_root
from photism.training.frozen import ask
from photism.trust.near import NearPair, near_duplicates

SETS = ("clothing10", "esc10", "filefrag")
SHIFT_S, NOISE_DB, SIDE, QUALITY, CHANGED, LEAST_CONTENT = 0.3, 20.0, 0.9, 50, 0.01, 0.1
Plant = Callable[[Path, Path, np.random.Generator], None]
"""Makes a copy of the first file at the second path."""


# ── the ways to copy ─────────────────────────────────────────────────────────────────────────────────


def exact(source: Path, target: Path, _: np.random.Generator) -> None:
    """The same bytes."""
    target.write_bytes(source.read_bytes())


def half_size(source: Path, target: Path, _: np.random.Generator) -> None:
    """Half as wide and half as high, JPEG quality 90."""
    with Image.open(source) as image:
        small = image.convert("RGB").resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
        small.save(target, "JPEG", quality=90)


def low_quality(source: Path, target: Path, _: np.random.Generator) -> None:
    """JPEG quality 50."""
    with Image.open(source) as image:
        image.convert("RGB").save(target, "JPEG", quality=QUALITY)


def cropped(source: Path, target: Path, rng: np.random.Generator) -> None:
    """A tenth of each side cut away, in places drawn by chance."""
    with Image.open(source) as image:
        width, height = round(SIDE * image.width), round(SIDE * image.height)
        left = int(rng.integers(0, image.width - width + 1))
        top = int(rng.integers(0, image.height - height + 1))
        image.convert("RGB").crop((left, top, left + width, top + height)).save(target, "JPEG", quality=90)


def brighter(source: Path, target: Path, rng: np.random.Generator) -> None:
    """Brightness times 0.7 to 1.3, JPEG quality 90."""
    factor = float(rng.choice([rng.uniform(0.7, 0.85), rng.uniform(1.15, 1.3)]))
    with Image.open(source) as image:
        levels = np.asarray(image.convert("RGB"), dtype=np.float64) * factor
        Image.fromarray(np.clip(levels, 0, 255).round().astype(np.uint8)).save(target, "JPEG", quality=90)


def _sound(source: Path, target: Path, change: Callable[[np.ndarray, int], np.ndarray], **form: str) -> None:
    samples, rate_hz = soundfile.read(source, dtype="float32", always_2d=True)
    changed = np.clip(change(samples, rate_hz), -1.0, 1.0)
    file = io.BytesIO()
    soundfile.write(file, changed, rate_hz, **(form or {"format": "WAV", "subtype": "PCM_16"}))
    target.write_bytes(file.getvalue())


def gain(source: Path, target: Path, rng: np.random.Generator) -> None:
    """Between 12 dB and 3 dB less."""
    factor = 10.0 ** (rng.uniform(-12.0, -3.0) / 20.0)
    _sound(source, target, lambda samples, _: samples * factor)


def shifted(source: Path, target: Path, rng: np.random.Generator) -> None:
    """0.3 s later or earlier, zeros where nothing is known; of the same length."""
    later = bool(rng.integers(0, 2))

    def shift(samples: np.ndarray, rate_hz: int) -> np.ndarray:
        n = round(SHIFT_S * rate_hz)
        zeros = np.zeros((n, samples.shape[1]), np.float32)
        return np.concatenate([zeros, samples[:-n]] if later else [samples[n:], zeros])

    _sound(source, target, shift)


def ogg(source: Path, target: Path, _: np.random.Generator) -> None:
    """Ogg Vorbis at libsndfile's own quality."""
    _sound(source, target, lambda samples, _rate: samples, format="OGG", subtype="VORBIS")


def noisy(source: Path, target: Path, rng: np.random.Generator) -> None:
    """White noise 20 dB below the sound's mean power."""

    def add(samples: np.ndarray, _: int) -> np.ndarray:
        level = np.sqrt(np.mean(samples**2)) * 10.0 ** (-NOISE_DB / 20.0)
        return samples + rng.normal(0.0, level, samples.shape).astype(np.float32)

    _sound(source, target, add)


def window(source: Path, target: Path, _: np.random.Generator) -> None:
    """The last two thirds, where the base keeps the first two thirds: windows of one file that overlap by half."""
    data = source.read_bytes()
    target.write_bytes(data[len(data) // 3 :])


def edited(source: Path, target: Path, rng: np.random.Generator) -> None:
    """One byte in a hundred, drawn by chance, becomes another."""
    data = np.frombuffer(source.read_bytes(), np.uint8).copy()
    places = rng.choice(len(data), max(1, round(CHANGED * len(data))), replace=False)
    data[places] += rng.integers(1, 256, len(places)).astype(np.uint8)
    target.write_bytes(data.tobytes())


WAYS: Mapping[str, tuple[Plant, ...]] = {
    "clothing10": (exact, half_size, low_quality, cropped, brighter),
    "esc10": (exact, gain, shifted, ogg, noisy),
    "filefrag": (exact, window, edited),
}


# ── planting ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Row:
    """A file of the base: its place in the shared data, its label, its source where the set tells it, and how a copy of
    it would be made."""

    path: str
    label: str
    group: str
    way: Plant


def base_of(name: str, seed: int) -> list[Row]:
    """List the training part of a set (folds 1 to 4 of esc10), and draw a way of copying for each file."""
    with (DATA / f"{name}.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("split", "train") == "train" and row.get("fold") != "5"]
    order = np.random.default_rng(seed).permutation(len(rows))
    ways = [WAYS[name][i % len(WAYS[name])] for i in order]
    return [Row(row["path"], row["label"], row.get("group", ""), way) for row, way in zip(rows, ways, strict=True)]


def overlap_says_something(row: Row) -> bool:
    """Whether the part that both windows of a file would hold is more than zeros and patterns: zlib's opinion."""
    data = (DATA / row.path).read_bytes()
    middle = data[len(data) // 3 : 2 * len(data) // 3]
    return len(zlib.compress(middle, 9)) > LEAST_CONTENT * len(middle)


def chosen(rows: Sequence[Row], n_copies: int, seed: int) -> list[int]:
    """Draw the files that are copied, about as many for each way; no windows of zeros and patterns."""
    ways = list(dict.fromkeys(row.way for row in rows))
    order = np.random.default_rng(seed).permutation(len(rows))
    of_way = [
        [int(i) for i in order if rows[i].way is way and (way is not window or overlap_says_something(rows[i]))]
        for way in ways
    ]
    turns = [i for turn in zip(*of_way, strict=False) for i in turn]
    return turns[:n_copies]


def write_set(
    folder: Path, rows: Sequence[Row], copied: Sequence[int], seed: int, *, cut: bool
) -> tuple[Path, dict[str, str]]:
    """Lay the base and its copies into a folder; return the CSV and the way each copy was made, by its name.

    A file of the base is named by its number, its copy by the same number and ``-copy``. Where ``cut`` is true, the
    files whose copies would be overlapping windows are cut to their first two thirds.
    """
    rng = np.random.default_rng(seed)
    lines = []
    for number, row in enumerate(rows):
        place, source = folder / f"{number}", DATA / row.path
        if cut and row.way is window:
            data = source.read_bytes()
            place.write_bytes(data[: 2 * len(data) // 3])
        else:
            place.symlink_to(source.resolve())
        lines.append((place.name, row.label, "train" if number % 5 else "valid"))
    for number in copied:
        rows[number].way(DATA / rows[number].path, folder / f"{number}-copy", rng)
        lines.append((f"{number}-copy", rows[number].label, "train"))
    with (folder / "set.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label", "split"), *lines])
    return folder / "set.csv", {f"{number}-copy": rows[number].way.__name__ for number in copied}


def search(csv_file: Path, executor: Executor) -> tuple[list[tuple[str, str, NearPair]], float]:
    """Ask the frozen network and search; return the pairs with both names, and the seconds that the search took."""
    network = load_backbone()
    material = gather(csv_file, kind=None, group_by=None, test_fold=None, seed=0, executor=executor)
    recipe = fit_recipe(material.dataset.kind, material.facts("train"), size_px=network.size_px, options=None)
    asked = ask(material, recipe, network, engine=None, executor=executor, cache=cache_root())
    started = time.perf_counter()
    found = near_duplicates(material.samples, material.dataset.kind, asked.features, executor, hashes=material.hashes)
    seconds = time.perf_counter() - started
    names = [sample.name for sample in material.samples]
    return [(names[pair.first], names[pair.second], pair) for pair in found.pairs], seconds


def cleared(rows: Sequence[Row], seed: int, executor: Executor, show: bool) -> tuple[list[Row], int]:
    """Leave out the second file of each pair that a base holds by nature until there is none; count the pairs.

    First with whole files, then as the base will lie there.
    """
    rows, n_pairs = list(rows), 0
    for cut in (False, True) if any(row.way is window for row in rows) else (False,):
        while True:
            with tempfile.TemporaryDirectory() as place:
                file, _ = write_set(Path(place), rows, [], seed, cut=cut)
                pairs, _ = search(file, executor)
            if not pairs:
                break
            for one, other, pair in pairs:
                row, twin = rows[int(one)], rows[int(other)]
                if show:
                    print(f"  {row.path} {twin.path}: {pair.how} ({pair.similarity:.3f}) {row.group} {twin.group}")
            left_out = {int(other) for _, other, _ in pairs}
            rows, n_pairs = [row for i, row in enumerate(rows) if i not in left_out], n_pairs + len(pairs)
    return rows, n_pairs


def measure(name: str, n_copies: int, seed: int, executor: Executor, show: bool) -> None:
    """Clear the base of its own copies, plant, search, and print a row of the table."""
    rows, n_natural = cleared(base_of(name, seed), seed, executor, show)
    with tempfile.TemporaryDirectory() as place:
        file, ways = write_set(Path(place), rows, chosen(rows, n_copies, seed), seed, cut=True)
        pairs, seconds = search(file, executor)
    found = {frozenset((one, other)): pair for one, other, pair in pairs}
    hit = Counter(way for copy, way in ways.items() if frozenset((copy, copy.split("-")[0])) in found)
    right = {frozenset((copy, copy.split("-")[0])) for copy in ways}
    for key, pair in found.items():
        if key not in right:
            sources = [rows[int(each.split("-")[0])].path for each in sorted(key)]
            print(f"  wrong: {sorted(key)} {sources}: {pair.how} ({pair.similarity:.3f})")
    for copy, way in ways.items():
        if frozenset((copy, copy.split("-")[0])) not in found:
            print(f"  missed: {way} of {rows[int(copy.split('-')[0])].path}")
    recall, precision = sum(hit.values()) / len(right), len(right & set(found)) / max(len(found), 1)
    told = ", ".join(f"{way} {hit[way]}/{n}" for way, n in Counter(ways.values()).items())
    print(
        f"| {name} | {len(rows)} | {n_natural} | {len(right)} | {told} | {100 * recall:.1f} | {100 * precision:.1f} "
        f"| {seconds:.1f} |",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--copies", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--list", action="store_true", help="name the natural pairs of the base")
    parser.add_argument("--speed", action="store_true", help="time the 20,000 pictures of cifar10")
    arguments = parser.parse_args()
    with ProcessExecutor(workers=arguments.workers) as executor:
        if arguments.speed:
            pairs, seconds = search(DATA / "cifar10.csv", executor)
            print(f"cifar10, 20,000 pictures: {len(pairs)} pairs in {seconds:.1f} s")
            for one, other, pair in pairs if arguments.list else ():
                print(f"  {one} {other}: {pair.how} ({pair.similarity:.3f})")
            return
        print(
            "| set | base | its own pairs | planted | found by way | recall % | precision % | s |\n" + "|" + "---|" * 8
        )
        for name in arguments.sets:
            measure(name, arguments.copies, arguments.seed, executor, arguments.list)


if __name__ == "__main__":
    main()
