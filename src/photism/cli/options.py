"""What several verbs share on the command line: options, how they are read, how answers are printed."""

from __future__ import annotations

import json
import math
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photism.errors import OptionError
from photism.types import JSON, Kind

if TYPE_CHECKING:
    from photism.report.terminal import Screen

__all__ = [
    "DEFECT",
    "DONE",
    "INTERRUPTED",
    "SOME_SKIPPED",
    "WRONG_INPUT",
    "DataArgument",
    "EngineOption",
    "Format",
    "FormatOption",
    "GroupOption",
    "KindName",
    "KindOption",
    "Method",
    "RunArgument",
    "SetOption",
    "command_line",
    "print_json",
    "progress",
    "read_kind",
    "read_seconds",
    "read_settings",
]

DONE, DEFECT, WRONG_INPUT, SOME_SKIPPED, INTERRUPTED = 0, 1, 2, 3, 130


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
FormatOption = Annotated[
    Format, typer.Option("--format", help="json prints one JSON value on stdout (predict: one a line), nothing else.")
]
KindOption = Annotated[
    KindName | None, typer.Option("--kind", help="What the files are; told from content if left out.")
]
GroupOption = Annotated[
    str | None,
    typer.Option("--group-by", metavar="COLUMN", help="CSV column whose values a split must never cut."),
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine", help="torch-fp32, torch-bf16, openvino-fp32, openvino-bf16 or cuda-fp16; the fastest if left out."
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="An option of the renderer, e.g. layout=hilbert or fit=pad."),
]


def read_kind(kind: KindName | None) -> Kind | None:
    """Return the kind that was given by hand, if one was."""
    return None if kind is None else kind.value


def read_seconds(text: str) -> float:
    """Read a time: a number with s, m or h behind it; seconds where there is none.

    Parameters
    ----------
    text : str
        What the user typed after ``--budget``.

    Raises
    ------
    OptionError
        Where that is no time.

    Examples
    --------
    >>> read_seconds("90s"), read_seconds("1.5m"), read_seconds("20")
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


def read_settings(pairs: list[str] | None) -> dict[str, JSON]:
    """Read ``KEY=VALUE`` pairs; a value that is JSON (a number, true, a list) is taken as that, else as text.

    Parameters
    ----------
    pairs : list of str, optional
        What the user typed after each ``--set``.

    Raises
    ------
    OptionError
        Where a pair has no key or no equals sign.
    """
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


def progress() -> Screen:
    """Return what tells the user how far the work is, on stderr."""
    from photism.report.terminal import progress_on

    return progress_on(sys.stderr)


def command_line() -> str:
    """Return what the user typed, quoted so that it can be typed again."""
    import shlex

    return shlex.join(["photism", *sys.argv[1:]])


def print_json(value: object) -> None:
    """Print an answer as JSON on stdout."""
    typer.echo(json.dumps(value, indent=2))
