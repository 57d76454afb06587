"""The command line: a thin door. Every verb reads its options, calls one function and prints what came back.

Answers go to stdout, everything else to stderr. Exit codes: 0 done, 1 a defect of photism, 2 the input or the options
are wrong, 3 done but some inputs were skipped, 130 interrupted.
"""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from photism.errors import InputError, OptionError, PhotismError
from photism.types import JSON, Kind, Progress

if TYPE_CHECKING:
    from photism.runs import Run

__all__ = ["app", "main"]

DONE, DEFECT, WRONG_INPUT, SOME_SKIPPED, INTERRUPTED = 0, 1, 2, 3, 130
INTERRUPTED_SENTENCE = "interrupted; a training continues with the same command and --resume."
FULL_SENTENCE = (
    "expected room to write, and the disk is full; a training continues with the same command and --resume once there "
    "is room ($PHOTISM_CACHE says where what can be made again is kept)."
)

app = typer.Typer(
    name="photism",
    help="Turn anything into a picture and recognise it: photographs, sounds, binary files, pointer tracks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Format(StrEnum):
    """How an answer is printed."""

    text = "text"
    json = "json"


class KindName(StrEnum):
    """A kind of data, given by hand."""

    image = "image"
    sound = "sound"
    binary = "binary"
    mouse = "mouse"


class Method(StrEnum):
    """How the recognizer is trained."""

    auto = "auto"
    probe = "probe"
    finetune = "finetune"


DataArgument = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="A folder with one subfolder a class, or train/valid/test folders of such, or a CSV with columns "
        "path,label and optionally group, fold, split.",
    ),
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A folder that `photism train` made.")]
FormatOption = Annotated[Format, typer.Option("--format", help="json prints one JSON value on stdout, nothing else.")]
KindOption = Annotated[
    KindName | None, typer.Option("--kind", help="What the files are; told from content if left out.")
]
GroupOption = Annotated[
    str | None,
    typer.Option("--group-by", metavar="COLUMN", help="CSV column whose values a split must never cut."),
]
EngineOption = Annotated[
    str | None,
    typer.Option("--engine", help="torch-fp32, torch-bf16, openvino-fp32 or openvino-bf16; the fastest if left out."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="An option of the renderer, e.g. layout=hilbert or fit=pad."),
]


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    if debug:
        os.environ["PHOTISM_DEBUG"] = "1"
    if version:
        from photism import __version__

        typer.echo(__version__)
        raise typer.Exit(DONE)


@app.command()
def check(
    data: DataArgument,
    kind: KindOption = None,
    group_by: GroupOption = None,
    test_fold: Annotated[str | None, typer.Option("--test-fold", help="Treat this fold as the test part.")] = None,
    format: FormatOption = Format.text,
) -> None:
    """Read everything, train nothing: broken files, exact duplicates, leaks across the split, imbalance."""
    from photism.checking import check as run_check

    found = run_check(data, kind=_kind(kind), group_by=group_by, test_fold=test_fold, progress=_progress())
    if format is Format.json:
        _print_json(found.to_json())
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
    from photism.verbs import render as run_render

    read_as = run_render(file, out, axes=axes, run=run, kind=_kind(kind), options=_settings(set_))
    typer.echo(f"{out} ({file.name} read as {read_as})")


@app.command()
def train(
    data: DataArgument,
    out: Annotated[Path, typer.Option("--out", metavar="RUN", help="The folder to make.")],
    method: Annotated[Method, typer.Option("--method", help="How to train; auto chooses.")] = Method.auto,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="TIME", help="Time for everything: 20s, 5m, 1h; none if left out.")
    ] = None,
    backbone: Annotated[
        str,
        typer.Option("--backbone", help="efficientnet_lite0, _lite1, _lite2, timm:NAME or torchvision:NAME."),
    ] = "efficientnet_lite0",
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
    seed: Annotated[int, typer.Option("--seed", help="Every random choice follows from it.")] = 0,
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
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted RUN.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Make a recognizer of your data, with the evidence to trust it or not."""
    from photism.experiment import train as run_train

    run = run_train(
        data,
        out,
        method=method.value,
        budget_s=None if budget is None else _seconds(budget),
        backbone=backbone,
        weights=weights,
        kind=_kind(kind),
        group_by=group_by,
        test_fold=test_fold,
        from_layer=from_layer,
        seed=seed,
        engine=engine,
        positive=positive,
        threshold=threshold,
        cost_ratio=cost_ratio,
        options=_settings(set_),
        pictures_in_report=not no_pictures,
        audit=not no_audit,
        resume=resume,
        command=_command_line(),
        progress=_progress(),
    )
    if format is Format.json:
        _print_json(run.metrics)
    else:
        typer.echo(_curve_of(run))
        typer.echo(run.to_text())
    raise typer.Exit(SOME_SKIPPED if run.metrics["n_skipped"] else DONE)


@app.command()
def predict(
    run: RunArgument,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files, folders, or - for paths on stdin.")],
    top: Annotated[int, typer.Option("--top", min=1, help="How many answers a file.")] = 5,
    engine: EngineOption = None,
    format: FormatOption = Format.json,
) -> None:
    """Answer for files, one JSON line each."""
    from photism.verbs import predict as run_predict

    skipped = False
    for answer in run_predict(run, files, engine=engine, stdin=sys.stdin, progress=_progress()):
        skipped = skipped or answer.error is not None
        if format is Format.json:
            typer.echo(json.dumps(answer.to_json(top)))
        else:
            typer.echo(answer.to_text())
    raise typer.Exit(SOME_SKIPPED if skipped else DONE)


@app.command()
def evaluate(
    run: RunArgument,
    data: DataArgument,
    group_by: GroupOption = None,
    part: Annotated[
        str | None, typer.Option("--part", metavar="train|valid|test", help="Measure only this part of DATA.")
    ] = None,
    engine: EngineOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Measure a recognizer on labelled data."""
    from photism.verbs import evaluate as run_evaluate

    measured = run_evaluate(run, data, group_by=group_by, part=part, engine=engine, progress=_progress())
    if format is Format.json:
        _print_json(measured.to_json())
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
    seed: Annotated[int, typer.Option("--seed", help="Every random choice follows from it.")] = 0,
    engine: EngineOption = None,
    set_: SetOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Train past the best point on purpose, and see when a network begins to memorise your data, and what it costs."""
    from photism.overfitting import PAGE, teach
    from photism.report.overfit_page import tell_overfit

    found = teach(
        data,
        out,
        n_files=files,
        epochs=epochs,
        backbone=backbone,
        weights=weights,
        kind=_kind(kind),
        group_by=group_by,
        test_fold=test_fold,
        seed=seed,
        engine=engine,
        options=_settings(set_),
        command=_command_line(),
        progress=_progress(),
    )
    if format is Format.json:
        _print_json(found.to_json())
    else:
        typer.echo(tell_overfit(found))
        typer.echo(f"page: {out / PAGE}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the runs go.")] = Path("photism-demo"),
    open_: Annotated[bool, typer.Option("--open", help="Open the reports in a browser.")] = False,
) -> None:
    """Do the main job on real data that every machine has: handwritten digits, and this machine's own files."""
    from photism.verbs import demo as run_demo

    runs = run_demo(out, progress=_progress())
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
        _print_json({"folder": str(root), "bytes": dict(sizes), "total_bytes": sum(sizes.values())})
        return
    typer.echo(f"{root} ($PHOTISM_CACHE), at most $PHOTISM_CACHE_BYTES or 20 GiB")
    for sort, size in sizes.items():
        typer.echo(f"{sort:>10} {size / 2**20:9.1f} MiB")
    typer.echo(f"{'total':>10} {sum(sizes.values()) / 2**20:9.1f} MiB")


def _kind(kind: KindName | None) -> Kind | None:
    return None if kind is None else kind.value


def _seconds(text: str) -> float:
    """Read a time: a number with s, m or h behind it; seconds where there is none.

    >>> _seconds("90s"), _seconds("1.5m"), _seconds("20")
    (90.0, 90.0, 20.0)
    """
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1.0)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise OptionError(f"--budget expects a time such as 20s, 5m or 1h, and received {text!r}.")
    return seconds


def _settings(pairs: list[str] | None) -> dict[str, JSON]:
    """Read ``KEY=VALUE`` pairs; a value that is JSON (a number, true, a list) is taken as that, else as text."""
    settings: dict[str, JSON] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise OptionError(f"--set expects KEY=VALUE, and received {pair!r}.")
        try:
            settings[key] = json.loads(value)
        except ValueError:
            settings[key] = value
    return settings


def _progress() -> Progress:
    from photism.report.terminal import progress_on

    return progress_on(sys.stderr)


def _curve_of(run: Run) -> str:
    from photism.report.terminal import draw_curve

    columns = shutil.get_terminal_size().columns
    return draw_curve(run.history, width=max(34, min(100, columns)), colour=sys.stdout.isatty()) + "\n"


def _command_line() -> str:
    import shlex

    return shlex.join(["photism", *sys.argv[1:]])


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2))


def main() -> NoReturn:
    """Run the command line and exit with the contract's exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A file name that is not UTF-8 must not end the program when it is printed.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(standalone_mode=False)
    except (InputError, PhotismError) as error:
        _stop(error, str(error), WRONG_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        _stop(None, INTERRUPTED_SENTENCE, INTERRUPTED)
    except TyperException as error:
        said = error.format_message()
        _stop(
            error, f"{said if said.endswith(('.', '?')) else said + '.'} `photism --help` is the manual.", WRONG_INPUT
        )
    except BrokenPipeError:
        # The reader of our answers has left (`| head`): nothing more to say, and no traceback at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(DONE)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            _stop(error, f"a defect of photism: {type(error).__name__}: {error} (--debug shows where).", DEFECT)
        _stop(error, f"{error.filename or 'the disk of RUN or of the cache'}: {FULL_SENTENCE}", WRONG_INPUT)
    except Exception as error:  # noqa: BLE001  # the last door: a user is never shown a traceback
        _stop(error, f"a defect of photism: {type(error).__name__}: {error} (--debug shows where).", DEFECT)
    if code == INTERRUPTED:  # typer has caught Ctrl-C itself
        _stop(None, INTERRUPTED_SENTENCE, INTERRUPTED)
    sys.exit(code if isinstance(code, int) else DONE)


def _stop(error: BaseException | None, sentence: str, code: int) -> NoReturn:
    if error is not None and os.environ.get("PHOTISM_DEBUG"):
        raise error
    print(f"photism: {sentence}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
