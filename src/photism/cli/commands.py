"""The verbs about data and recognizers: each reads its options, calls one function and prints what came back."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photism.cli.app import app
from photism.cli.options import (
    DONE,
    SOME_SKIPPED,
    DataArgument,
    EngineOption,
    Format,
    FormatOption,
    GroupOption,
    KindOption,
    Method,
    RunArgument,
    SetOption,
    command_line,
    print_json,
    progress,
    read_kind,
    read_seconds,
    read_settings,
)

if TYPE_CHECKING:
    from photism.runs import Run


@app.command()
def check(
    data: DataArgument,
    kind: KindOption = None,
    group_by: GroupOption = None,
    test_fold: Annotated[str | None, typer.Option("--test-fold", help="Treat this fold as the test part.")] = None,
    format: FormatOption = Format.text,
) -> None:
    """Read everything, train nothing: broken files, copies, files of one source, leaks, shortcuts, imbalance."""
    from photism.verbs.check import check as run_check

    found = run_check(data, kind=read_kind(kind), group_by=group_by, test_fold=test_fold, progress=progress())
    if format is Format.json:
        print_json(found.to_json())
    else:
        typer.echo(found.to_text())
    raise typer.Exit(SOME_SKIPPED if found.skipped else DONE)


@app.command()
def render(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Any file.")],
    out: Annotated[Path, typer.Option("--out", metavar="PNG", help="The picture to write.")],
    axes: Annotated[bool, typer.Option("--axes", help="Label the sides in the data's units.")] = False,
    run: Annotated[Path | None, typer.Option("--run", metavar="RUN", help="Use the recipe of this RUN.")] = None,
    kind: KindOption = None,
    set_: SetOption = None,
) -> None:
    """Draw the picture that the recognizer sees."""
    from photism.verbs.ask import render as run_render

    read_as = run_render(file, out, axes=axes, run=run, kind=read_kind(kind), options=read_settings(set_))
    typer.echo(f"{out} ({file.name} read as {read_as})")


@app.command()
def train(
    data: DataArgument,
    out: Annotated[Path, typer.Option("--out", metavar="RUN", help="The folder to make.")],
    method: Annotated[Method, typer.Option("--method", help="How to train; auto chooses.")] = Method.auto,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            metavar="TIME",
            help="Time for everything: 5s, 5m, 1h; a short one reads a share of the files. None if left out.",
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            "--backbone",
            help="efficientnet_lite0, _lite1, _lite2, timm:NAME or torchvision:NAME. If left out: the first, or the "
            "third or both together where validation says that it pays (answers then take as long as both).",
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", metavar="FILE", help="The backbone's weights: safetensors, or torch's format."),
    ] = None,
    kind: KindOption = None,
    group_by: GroupOption = None,
    test_fold: Annotated[str | None, typer.Option("--test-fold", help="Hold this fold out of everything.")] = None,
    from_layer: Annotated[
        str | None, typer.Option("--from-layer", metavar="STAGE", help="First stage to fine-tune; probes tell it.")
    ] = None,
    vary: Annotated[
        str | None,
        typer.Option(
            "--vary", metavar="NAMES", help="Variations that fine-tuning draws, e.g. crop,jitter or -flip or +mirror."
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Every random choice follows from it.")] = 0,
    engine: EngineOption = None,
    positive: Annotated[
        str | None, typer.Option("--positive", metavar="LABEL", help="Of two classes, the one to detect.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option("--threshold", min=0.0, max=1.0, help="Probability from which --positive is said.")
    ] = None,
    cost_ratio: Annotated[
        float | None, typer.Option("--cost-ratio", min=0.0, help="A missed --positive costs so many false alarms.")
    ] = None,
    set_: SetOption = None,
    no_pictures: Annotated[bool, typer.Option("--no-pictures", help="Leave pictures out of the report.")] = False,
    no_audit: Annotated[bool, typer.Option("--no-audit", help="Do not ask whether the data can be trusted.")] = False,
    log: Annotated[
        list[str] | None,
        typer.Option("--log", metavar="tensorboard|mlflow", help="Where the curves go besides RUN; may be repeated."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted RUN.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Make a recognizer of your data, with the evidence to trust it or not."""
    from photism.experiment import train as run_train

    screen = progress()
    run = run_train(
        data,
        out,
        method=method.value,
        budget_s=None if budget is None else read_seconds(budget),
        backbone=backbone,
        weights=weights,
        kind=read_kind(kind),
        group_by=group_by,
        test_fold=test_fold,
        from_layer=from_layer,
        vary=vary,
        seed=seed,
        engine=engine,
        positive=positive,
        threshold=threshold,
        cost_ratio=cost_ratio,
        options=read_settings(set_),
        pictures_in_report=not no_pictures,
        audit=not no_audit,
        log=log or (),
        resume=resume,
        command=command_line(),
        progress=screen,
        watch=screen.epoch,
    )
    if format is Format.json:
        print_json(run.metrics)
    else:
        typer.echo(_curve_of(run))
        typer.echo(run.to_text())
    raise typer.Exit(SOME_SKIPPED if run.metrics["n_skipped"] else DONE)


@app.command()
def predict(
    run: RunArgument,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files, folders, or - for paths on stdin.")],
    top: Annotated[
        int | None, typer.Option("--top", min=1, help="How many answers a file: 5 in JSON, 1 as text.")
    ] = None,
    engine: EngineOption = None,
    format: FormatOption = Format.json,
) -> None:
    """Answer for files, one JSON line each."""
    from photism.report.words import printable
    from photism.verbs.ask import predict as run_predict

    skipped = False
    for answer in run_predict(run, files, engine=engine, stdin=sys.stdin, progress=progress()):
        skipped = skipped or answer.error is not None
        if format is Format.json:
            typer.echo(json.dumps(answer.to_json(top or 5)))
        else:
            typer.echo(printable(answer.to_text(top or 1)))
    raise typer.Exit(SOME_SKIPPED if skipped else DONE)


@app.command()
def evaluate(
    run: RunArgument,
    data: DataArgument,
    group_by: GroupOption = None,
    part: Annotated[
        str | None,
        typer.Option(
            "--part", metavar="train|valid|test", help="Measure only this part: the run's, or DATA's of new files."
        ),
    ] = None,
    engine: EngineOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Measure a recognizer on labelled data."""
    from photism.verbs.ask import evaluate as run_evaluate

    measured = run_evaluate(run, data, group_by=group_by, part=part, engine=engine, progress=progress())
    if format is Format.json:
        print_json(measured.to_json())
    else:
        typer.echo(measured.to_text())
    raise typer.Exit(SOME_SKIPPED if measured.skipped else DONE)


@app.command()
def overfit(
    data: DataArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to make.")],
    files: Annotated[int, typer.Option("--files", help="Training files at most; few show it sooner.")] = 200,
    epochs: Annotated[int, typer.Option("--epochs", help="How long to train.")] = 20,
    backbone: Annotated[str, typer.Option("--backbone", help="As for train.")] = "efficientnet_lite0",
    weights: Annotated[Path | None, typer.Option("--weights", metavar="FILE", help="As for train.")] = None,
    kind: KindOption = None,
    group_by: GroupOption = None,
    test_fold: Annotated[str | None, typer.Option("--test-fold", help="Hold this fold out of everything.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Every random choice follows from it.")] = 0,
    engine: EngineOption = None,
    set_: SetOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Train past the best point on purpose, and see when a network begins to memorise your data, and what it costs."""
    from photism.report.overfit_page import tell_overfit
    from photism.verbs.overfit import PAGE, teach

    found = teach(
        data,
        out,
        n_files=files,
        epochs=epochs,
        backbone=backbone,
        weights=weights,
        kind=read_kind(kind),
        group_by=group_by,
        test_fold=test_fold,
        seed=seed,
        engine=engine,
        options=read_settings(set_),
        command=command_line(),
        progress=progress(),
    )
    if format is Format.json:
        print_json(found.to_json())
    else:
        typer.echo(tell_overfit(found))
        typer.echo(f"page: {out / PAGE}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the runs go.")] = Path("photism-demo"),
    open_: Annotated[bool, typer.Option("--open", help="Open the reports in a browser.")] = False,
) -> None:
    """Do the main job on real data that every machine has: handwritten digits, and this machine's own files."""
    from photism.verbs.demo import demo as run_demo

    runs = run_demo(out, progress=progress())
    for run in runs:
        typer.echo(run.to_text() + "\n")
    for run in runs:
        typer.echo(f"report: {run.report}")
    typer.echo("next: photism train YOUR_FOLDER --out RUN (one subfolder a class)")
    for run in runs:
        if open_:
            typer.launch(run.report.resolve().as_uri())


@app.command()
def cache(
    clear: Annotated[
        bool, typer.Option("--clear", help="Delete everything that is kept; all can be made again.")
    ] = False,
    format: FormatOption = Format.text,
) -> None:
    """Show what is kept to make later runs faster, or clear it."""
    from photism.store import cache_root, list_cache, trim_cache

    root = cache_root()
    if clear:
        trim_cache(root, limit_bytes=0)
    kept = list_cache(root)
    sizes = {sort: sum(one.n_bytes for one in kept if one.sort == sort) for sort in sorted({k.sort for k in kept})}
    if format is Format.json:
        print_json({"folder": str(root), "bytes": dict(sizes), "total_bytes": sum(sizes.values())})
        return
    typer.echo(f"{root} ($PHOTISM_CACHE), at most $PHOTISM_CACHE_BYTES or 20 GiB")
    for sort, size in sizes.items():
        typer.echo(f"{sort:>10} {size / 2**20:9.1f} MiB")
    typer.echo(f"{'total':>10} {sum(sizes.values()) / 2**20:9.1f} MiB")


def _curve_of(run: Run) -> str:
    from photism.report.terminal import draw_curve

    columns, encoding = shutil.get_terminal_size().columns, sys.stdout.encoding or "ascii"
    drawn = draw_curve(
        run.history,
        width=max(34, min(100, columns)),
        colour=sys.stdout.isatty(),
        unicode=encoding.lower().replace("-", "") == "utf8",
    )
    return drawn + "\n"
