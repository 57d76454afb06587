"""The verb about people: it reads its options, calls one function and prints what came back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from photism.cli.app import app
from photism.cli.options import (
    DONE,
    SOME_SKIPPED,
    EngineOption,
    Format,
    FormatOption,
    command_line,
    print_json,
    progress,
)
from photism.cli.people_options import (
    ConditionOption,
    CutOption,
    DifferenceOption,
    ExpectOption,
    IndexOption,
    LabelsOption,
    MachineOption,
    MapOption,
    MarginOption,
    NoPicturesOption,
    NReadersOption,
    OutOption,
    OverOption,
    PlanOption,
    PositiveOption,
    PowerOption,
    Readers,
    ReadersOption,
    Repeated,
    RepeatsOption,
    SeedOption,
    SourcesArgument,
    TruthFrom,
    TruthOption,
    read_labels,
    read_names,
)

if TYPE_CHECKING:
    from photism.people.compare import Settings
    from photism.verbs.compare import Reading

__all__ = ["compare"]


@app.command()
def compare(
    sources: SourcesArgument = None,
    margin: MarginOption = None,
    over: OverOption = None,
    readers: ReadersOption = Readers.random,
    repeats: RepeatsOption = Repeated.first,
    truth: TruthOption = TruthFrom.given,
    map_: MapOption = None,
    condition: ConditionOption = None,
    machine: MachineOption = None,
    positive: PositiveOption = None,
    cut: CutOption = None,
    labels: LabelsOption = None,
    index: IndexOption = None,
    plan: PlanOption = False,
    expect: ExpectOption = None,
    power: PowerOption = 0.8,
    n_readers: NReadersOption = None,
    difference: DifferenceOption = 0.0,
    out: OutOption = None,
    no_pictures: NoPicturesOption = False,
    seed: SeedOption = 0,
    engine: EngineOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Is a recognizer at least as good as people? Right answers, ROC and MRMC, agreement, and a verdict at a margin."""
    from photism.people.compare import Settings
    from photism.verbs.compare import Reading

    settings = Settings(
        margin=margin, over=None if over is None else over.value, readers=readers.value, truth=truth.value,
        names=read_names(map_), positive=positive, cut=cut, seed=seed,
    )  # fmt: skip
    kept = read_labels(labels)
    reading = Reading(repeats=repeats.value, condition=condition, machine=machine, labels=kept, index=index)
    if plan:
        _plan(sources or [], settings, reading, expect, power, n_readers, difference, engine, format)
    else:
        _compare(sources or [], settings, reading, out, not no_pictures, engine, format)


def _plan(
    sources: Sequence[Path],
    settings: Settings,
    reading: Reading,
    expect: str | None,
    power: float,
    n_readers: int | None,
    difference: float,
    engine: str | None,
    format: Format,
) -> NoReturn:
    """Plan a study, and say how many cases it takes."""
    from photism.verbs.plan import plan as run_plan

    planned = run_plan(
        sources,
        settings=settings,
        reading=reading,
        expect=expect,
        power=power,
        n_readers=n_readers,
        difference=difference,
        engine=engine,
        progress=progress(),
    )
    if format is Format.json:
        print_json(planned.to_json())
    else:
        typer.echo(planned.to_text())
    raise typer.Exit(DONE)


def _compare(
    sources: Sequence[Path],
    settings: Settings,
    reading: Reading,
    out: Path | None,
    pictures: bool,
    engine: str | None,
    format: Format,
) -> NoReturn:
    """Compare, and say what was found and where the page is."""
    from photism.verbs.compare import PAGE
    from photism.verbs.compare import compare as run_compare

    found = run_compare(
        sources,
        settings=settings,
        reading=reading,
        out=out,
        pictures=pictures,
        engine=engine,
        command=command_line(),
        progress=progress(),
    )
    if format is Format.json:
        print_json(found.to_json())
    else:
        typer.echo(found.to_text())
        if out is not None:
            typer.echo(f"page: {out / PAGE}")
    raise typer.Exit(SOME_SKIPPED if found.skipped else DONE)
