"""Whole binaries: is a program packed or not, and which language was it written in?

Gathers this machine's own ELF executables and libraries (10 KB to 100 MB), packs copies of them with UPX (Debian's
``upx-ucl``, in bookworm-backports), and writes ``packed.csv`` with ``path,label,group,fold``: the group is the
original, so that a program and its packed copy are never on two sides of a split. ``language.csv`` labels unpacked
ones by the toolchain that their own sections name (Go, Rust, C++, C), grouped by folder. Then each of five folds is
held out in turn. Originals are read, never changed.

    python -m benchmarks.whole_binaries FOLDER [--most 400]
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.main_job import row_of, train

ROOTS = ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/local", "/opt")
SMALLEST_BYTES, LARGEST_BYTES = 10_000, 100_000_000
N_FOLDS = 5
FEWEST, MOST = 15, 250


def machine_binaries() -> Iterator[Path]:
    """Yield every ELF executable and shared library of this machine, each content once, in a fixed order."""
    seen: set[str] = set()
    for root in ROOTS:
        for path in sorted(Path(root).rglob("*")):
            if path.is_symlink() or not path.is_file() or not SMALLEST_BYTES <= path.stat().st_size <= LARGEST_BYTES:
                continue
            with path.open("rb") as file:
                head = file.read(20)
                if head[:4] != b"\x7fELF" or head[16] not in (2, 3):
                    continue
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest not in seen:
                seen.add(digest)
                yield path


def fold_of(group: str) -> int:
    """Give a group its fold, 1 to 5, from its name alone."""
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % N_FOLDS + 1


def toolchain(path: Path) -> str | None:
    """Name the toolchain that left its mark in a binary, or None where none or several did."""
    data = path.read_bytes()
    if b"Go build ID:" in data or b"\xff Go buildinf:" in data:
        return "go"
    if b"rust_eh_personality" in data or b"/rustc/" in data:
        return "rust"
    if b"_ZNSt" in data or b"libstdc++" in data:
        return "cxx"
    return "c" if b"GCC: (" in data or b"libc.so.6" in data else None


def some_of_each(rows: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Keep an even share of the large classes, and drop those with too few files to hold folds out."""
    kept: list[tuple[str, str, str]] = []
    for label in sorted({row[1] for row in rows}):
        of_class = [row for row in rows if row[1] == label]
        if len(of_class) >= FEWEST:
            kept += of_class[:: max(1, len(of_class) // MOST)][:MOST]
    return kept


def write_csv(path: Path, rows: list[tuple[str, str, str]]) -> None:
    """Write rows of (path, label, group) with the group's fold."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "group", "fold"])
        writer.writerows((*row, fold_of(row[2])) for row in rows)


def main() -> None:
    """Gather, pack and list."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--most", type=int, default=400, help="so many originals, spread evenly over the sizes")
    arguments = parser.parse_args()
    packed_folder: Path = arguments.folder / "packed"
    packed_folder.mkdir(parents=True, exist_ok=True)
    every = sorted(machine_binaries(), key=lambda path: (path.stat().st_size, str(path)))
    packed_rows: list[tuple[str, str, str]] = []
    refused = 0
    # UPX refuses many shared libraries; walk over all sizes until enough originals were packed.
    stride = max(1, len(every) // (arguments.most * 2))
    for path in every[::stride]:
        copy = packed_folder / f"{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
        if not copy.exists():
            command = ["upx", "-q", "-1", "-o", str(copy), str(path)]
            if subprocess.run(command, capture_output=True, timeout=120, check=False).returncode != 0:
                copy.unlink(missing_ok=True)
                refused += 1
                continue
        packed_rows += [(str(path), "plain", str(path)), (str(copy), "packed", str(path))]
        if len(packed_rows) >= 2 * arguments.most:
            break
    write_csv(arguments.folder / "packed.csv", packed_rows)
    languages = some_of_each([(str(path), label, str(path.parent)) for path in every if (label := toolchain(path))])
    write_csv(arguments.folder / "language.csv", languages)
    print(f"{len(every)} binaries; {len(packed_rows) // 2} packed, {refused} refused by UPX; toolchains: ", end="")
    print(", ".join(f"{n} {label}" for label, n in sorted(Counter(row[1] for row in languages).items())), flush=True)
    cache = arguments.folder / "cache"
    for name in ("packed", "language"):
        folds = [str(fold) for fold in range(1, N_FOLDS + 1)]
        runs = [
            train(arguments.folder / f"{name}.csv", arguments.folder / f"{name}-{fold}", cache, fold=fold, seed=0)
            for fold in folds
        ]
        print(row_of(name, runs), flush=True)


if __name__ == "__main__":
    main()
