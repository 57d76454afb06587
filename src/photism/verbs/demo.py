"""``photism demo``: the main job on data that every machine has."""

from __future__ import annotations

from pathlib import Path

from photism.data.demo import write_digits, write_machine_files
from photism.experiment import train
from photism.runs import Run, write_whole
from photism.types import Kind, Progress, silent
from photism.verbs.making import making

__all__ = ["demo"]

MARK = "demo.txt"


def demo(out: Path, *, progress: Progress = silent) -> list[Run]:
    """Do the main job on data that every machine has: handwritten digits as pictures, the machine's own files as bytes.

    Parameters
    ----------
    out : Path
        Folder for the data and the two runs: new, empty, or of an earlier demo, whose files are replaced.
    progress : callable
        Told (phase, done, total).

    Returns
    -------
    list of Run
        The digits' run and the files' run.

    Raises
    ------
    InputError
        Where the folder holds something else, or cannot be written.
    """
    with making(out, verb="demo", mark=MARK):
        write_whole(out / MARK, "Made by `photism demo`, which replaces what it made.\n")
    digits = write_digits(out / "data" / "digits")
    files = write_machine_files(out / "data" / "machine_files.csv")
    jobs: list[tuple[Path, str, Kind]] = [(digits, "digits", "image"), (files, "machine-files", "binary")]
    return [
        train(
            data,
            out / name,
            method="probe",  # seconds, not minutes; comparing large binaries with one another takes a minute
            audit=kind == "image",
            kind=kind,
            replace_run=True,
            command=f"photism demo --out {out}",
            progress=progress,
        )
        for data, name, kind in jobs
    ]
