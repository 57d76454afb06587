"""``photism check``: everything about a data set that can be said without training.

Covers reading and rendering every file, copies, leaks, shortcuts, imbalance. How files are compared is the matter of
``trust``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from photism.data.duplicates import contradictions, exact_duplicates, leaks
from photism.data.material import hash_all
from photism.data.sources import read_dataset
from photism.data.split import split
from photism.errors import DataError
from photism.executor import ProcessExecutor
from photism.pictures.table import RenderJob, fit_recipe, render_pixels
from photism.report.words import READ_AS, printable
from photism.trust.audit import FileAudit, audit_files
from photism.trust.near import SAME_BYTES
from photism.types import JSON, Kind, Progress, Sample, Skipped, silent

__all__ = ["Checked", "check"]

LEAKS = {
    "exact": "the same bytes as", "near": "a near copy of", "group": "of the same group as",
    "source": "of the same source as",
}  # fmt: skip

IMBALANCE_RATIO = 3


@dataclass(frozen=True, slots=True)
class Checked:
    """What ``check`` found in a data set."""

    n: int
    kind: Kind
    kinds: Mapping[str, int]
    classes: Mapping[str, int]
    skipped: tuple[Skipped, ...]
    duplicates: tuple[tuple[str, ...], ...]
    leaks: tuple[dict[str, JSON], ...]
    warnings: tuple[str, ...]
    files: FileAudit

    def to_json(self) -> dict[str, object]:
        """Return the contract's JSON."""
        return {
            "n": self.n,
            "kind": self.kind,
            "kinds": dict(self.kinds),
            "classes": dict(self.classes),
            "skipped": [{"path": one.path, "reason": one.reason} for one in self.skipped],
            "duplicates": [list(same) for same in self.duplicates],
            "leaks": list(self.leaks),
            "warnings": list(self.warnings),
            **self.files.to_json(),
        }

    def to_text(self) -> str:
        """Return a summary for a reader, at most 20 lines of each sort."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.kinds.items())
        lines = [f"{self.n} usable files in {len(self.classes)} classes ({kinds}), read as {READ_AS[self.kind]}"]
        lines += [f"  {label}: {count}" for label, count in self.classes.items()]
        names = [sample.name for sample in self.files.samples]
        sorts = {
            "skipped": [f"{one.path}: {one.reason}" for one in self.skipped],
            "sets of identical files": [" = ".join(same) for same in self.duplicates],
            "near copies": [
                f"{names[one.first]} ~ {names[one.second]}: {one.how}"
                for one in self.files.near
                if one.how != SAME_BYTES  # those are listed above
            ],
            "leaks across the split": [
                f"{leak['path']} ({leak['split']}): {LEAKS[str(leak['kind'])]} {leak['of']}" for leak in self.leaks
            ],
            "warnings": list(self.warnings),
        }
        for name, found in sorts.items():
            lines.append(f"{name}: {len(found) or 'none'}")
            lines += [f"  {printable(line)}" for line in found[:20]]
            lines += [f"  and {len(found) - 20} more"] if len(found) > 20 else []
        return "\n".join([*lines, self.files.shortcuts.to_text()])


def check(
    data: Path,
    *,
    kind: Kind | None = None,
    group_by: str | None = None,
    test_fold: str | None = None,
    progress: Progress = silent,
) -> Checked:
    """Read and render every file of a data set, train nothing, and say what is wrong with it.

    Parameters
    ----------
    data : Path
        A folder or a CSV.
    kind : optional
        What to read the files as; told from content by default.
    group_by : str, optional
        The CSV's column that a split must not cut.
    test_fold : str, optional
        Treat this fold as the test part when looking for leaks.
    progress : callable
        Told (phase, done, total).

    Raises
    ------
    InputError
        Where DATA is not a data set at all.
    """
    dataset = read_dataset(data, kind=kind, group_by=group_by, n_classes_min=1)
    recipe = fit_recipe(dataset.kind, [dataset.facts[sample.path].facts for sample in dataset.samples])
    skipped = list(dataset.skipped)
    usable: list[Sample] = []
    with ProcessExecutor() as executor:
        answers = executor.map(render_pixels, [RenderJob(sample.path, recipe) for sample in dataset.samples])
        for done, (sample, answer) in enumerate(zip(dataset.samples, answers, strict=True), 1):
            if isinstance(answer, tuple):
                usable.append(sample)
            else:
                skipped.append(Skipped(sample.name, str(answer)))
            progress("read", done, len(dataset.samples))
        hashes, gone = hash_all(usable, executor)
    skipped += gone
    usable = [sample for sample in usable if sample.path in hashes]
    classes = dict(sorted(Counter(str(sample.label) for sample in usable).items()))
    if not classes:
        raise DataError(f"None of the {len(skipped)} files of {data} can be used; the first: {skipped[0].reason}")
    duplicates = exact_duplicates(usable, hashes)
    warnings = [*dataset.warnings, *contradictions(duplicates), *_imbalance(classes)]
    if len(classes) == 1:
        warnings.append(f"There is one class ({next(iter(classes))}): train expects two at least.")
    known: list[dict[str, JSON]] = []
    try:
        parts = split(usable, test_fold=test_fold, together=duplicates)
        usable = list(parts.samples)
        known = leaks(parts.samples, duplicates)
        warnings += parts.warnings
    except DataError as error:
        warnings.append(str(error))
    labels = tuple(classes)
    with ProcessExecutor() as executor:
        files = audit_files(
            usable,
            kind=dataset.kind,
            y=np.array([labels.index(str(sample.label)) for sample in usable]),
            labels=labels,
            groups=[sample.group or sample.name for sample in usable],
            known_leaks=known,
            executor=executor,
            hashes=hashes,
            progress=progress,
        )
    warnings += [alarm.to_text() for alarm in files.shortcuts.alarms] + ([files.gap] if files.gap else [])
    return Checked(
        n=len(usable),
        kind=dataset.kind,
        kinds=dataset.kinds,
        classes=classes,
        skipped=tuple(skipped),
        duplicates=tuple(tuple(one.name for one in same) for same in duplicates),
        leaks=files.leaks,
        warnings=tuple(warnings),
        files=files,
    )


def _imbalance(classes: Mapping[str, int]) -> list[str]:
    most, fewest = max(classes, key=lambda label: classes[label]), min(classes, key=lambda label: classes[label])
    if classes[most] < IMBALANCE_RATIO * classes[fewest]:
        return []
    ratio = classes[most] / classes[fewest]
    return [
        f"Classes are lopsided, {ratio:.1f} to 1: {most} has {classes[most]} files, {fewest} has {classes[fewest]}."
    ]
