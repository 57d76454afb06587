"""Real data that every machine has, gathered without a network: for ``photism demo`` and for the tests.

Two sets: the 1,797 handwritten digits that scikit-learn ships (Alpaydin and Kaynak 1998, UCI repository), written
as PNG files; and the machine's own files, told apart by what they are (the class is the ending, but photism only
ever sees the bytes). Files of the machine are listed by path, never copied and never changed.
"""

from __future__ import annotations

import csv
import hashlib
import os
import sysconfig
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

__all__ = ["write_digits", "write_machine_files"]

FILE_TYPES: dict[str, str] = {
    ".py": "python_source",
    ".pyc": "python_bytecode",
    ".so": "shared_library",
    ".h": "c_header",
    ".json": "json",
    ".ttf": "font",
    ".png": "png_picture",
    ".svg": "svg_drawing",
    ".gz": "gzip_archive",
    ".exe": "windows_program",
}
SMALLEST_BYTES, LARGEST_BYTES = 512, 8_000_000
FEWEST_FILES, FEWEST_GROUPS = 12, 5


def write_digits(folder: Path, *, per_class: int | None = None) -> Path:
    """Write scikit-learn's handwritten digits as ``folder/digit_K/NNNN.png``; return ``folder``.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    per_class : int, optional
        At most so many of each class; all (about 180 a class) by default.
    """
    from sklearn.datasets import load_digits  # half a second to import, and only the demo needs it

    digits = load_digits()
    written: dict[int, int] = defaultdict(int)
    for grey, target in zip(digits.images, digits.target, strict=True):
        if per_class is not None and written[target] >= per_class:
            continue
        place = folder / f"digit_{target}"
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(grey * (255 / 16), 0, 255).round().astype(np.uint8)
        PillowImage.fromarray(pixels).save(place / f"{written[target]:04d}.png")
        written[target] += 1
    return folder


def write_machine_files(path: Path, *, per_class: int = 120) -> Path:
    """Write a CSV that lists this machine's own files by type; return ``path``.

    The files are those of the Python installation that runs photism. Their group is the package they came with, so
    that no package has files on both sides of a split; files of equal content are listed once.

    Parameters
    ----------
    path : Path
        The CSV to write: ``path,label,group``, absolute paths.
    per_class : int
        At most so many of each type; types with fewer than 12 files or 5 packages are left out.
    """
    roots = sorted({Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platlib", "purelib")})
    found: dict[str, dict[str, tuple[Path, str]]] = defaultdict(dict)
    for root in roots:
        for file, label in _typed_files(root):
            parts = [part for part in file.relative_to(root).parts if part != "__pycache__"]
            group = parts[1] if parts[0] == "site-packages" and len(parts) > 1 else parts[0]
            # A package's own bytecode is its source once more: both get the package's name as their group.
            found[label].setdefault(str(file), (file, group.split(".")[0]))
    rows: list[tuple[str, str, str]] = []
    for label, files in sorted(found.items()):
        rows.extend((str(file), label, group) for file, group in _distinct(list(files.values()), per_class))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file_out:
        writer = csv.writer(file_out)
        writer.writerow(["path", "label", "group"])
        writer.writerows(rows)
    return path


def _typed_files(root: Path) -> Iterator[tuple[Path, str]]:
    """Walk a folder for regular files of a type and a size that the demo uses."""
    for place, _, names in os.walk(root):
        for name in names:
            label = FILE_TYPES.get(os.path.splitext(name)[1])
            if label is None:
                continue
            file = Path(place, name)
            if not file.is_symlink() and file.is_file() and SMALLEST_BYTES <= file.stat().st_size <= LARGEST_BYTES:
                yield file, label


def _distinct(files: list[tuple[Path, str]], most: int) -> list[tuple[Path, str]]:
    """Pick at most ``most`` files of different content, the same ones every time, spread over the groups."""
    order = sorted(files, key=lambda item: hashlib.sha256(str(item[0]).encode(errors="surrogateescape")).digest())
    seen: set[bytes] = set()
    per_group: dict[str, int] = defaultdict(int)
    chosen: list[tuple[Path, str]] = []
    for file, group in order:
        if per_group[group] >= max(3, most // 8):
            continue
        digest = hashlib.sha256(file.read_bytes()).digest()
        if digest in seen:
            continue
        seen.add(digest)
        per_group[group] += 1
        chosen.append((file, group))
        if len(chosen) == most:
            break
    return chosen if len(chosen) >= FEWEST_FILES and len(per_group) >= FEWEST_GROUPS else []
