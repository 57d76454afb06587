"""The options of ``compare``: what each says of itself, and how it is read.

Covers nothing of what several verbs share (``options``), nor what is done with them.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from photism.errors import OptionError

__all__ = [
    "ConditionOption",
    "CutOption",
    "DifferenceOption",
    "ExpectOption",
    "IndexOption",
    "LabelsOption",
    "MachineOption",
    "MapOption",
    "MarginOption",
    "NReadersOption",
    "NoPicturesOption",
    "OutOption",
    "Over",
    "OverOption",
    "PlanOption",
    "PositiveOption",
    "PowerOption",
    "Readers",
    "ReadersOption",
    "Repeated",
    "RepeatsOption",
    "SeedOption",
    "SourcesArgument",
    "TruthFrom",
    "TruthOption",
    "read_labels",
    "read_names",
]


class Over(StrEnum):
    """What the difference of right answers is a mean over."""

    people = "people"
    answers = "answers"
    cases = "cases"


class Repeated(StrEnum):
    """Which of several answers of one person to one item are used."""

    first = "first"
    last = "last"
    all = "all"


class Readers(StrEnum):
    """Whom the answer is about."""

    random = "random"
    fixed = "fixed"


class TruthFrom(StrEnum):
    """What is right."""

    given = "given"
    vote = "vote"


SourcesArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[RUN...|PREDICTIONS] TRIALS",
        help="People's trials last: a CSV with sample,observer,truth,response and optionally confidence or rating, "
        "condition, response_time_s (or a form of others), or a .npy of label counts. Before them runs, or a file "
        "of predictions; nothing compares the people among themselves.",
    ),
]
MarginOption = Annotated[
    float | None,
    typer.Option(
        "--margin", help="By how much less would still do: 0.05 is 5 points (or 0.05 of AUC). No verdict without."
    ),
]
OverOption = Annotated[
    Over | None, typer.Option("--over", help="What the difference is a mean over; people, where they have names.")
]
ReadersOption = Annotated[
    Readers, typer.Option("--readers", help="random: people like these are meant; fixed: just these.")
]
RepeatsOption = Annotated[
    Repeated, typer.Option("--repeats", help="Which of several answers of one person to one item are used.")
]
TruthOption = Annotated[TruthFrom, typer.Option("--truth", help="vote: the majority of the other observers.")]
MapOption = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="LABEL=LABEL", help="What one of people's labels is to the recognizer."),
]
ConditionOption = Annotated[
    str | None, typer.Option("--condition", metavar="NAME", help="Use the trials of this condition only.")
]
MachineOption = Annotated[
    str | None, typer.Option("--machine", metavar="NAME", help="The observer in TRIALS that is the machine.")
]
PositiveOption = Annotated[
    str | None, typer.Option("--positive", metavar="LABEL", help="Of two truths, the one a high rating speaks for.")
]
CutOption = Annotated[float | None, typer.Option("--cut", help="From this rating on a reader calls a case positive.")]
LabelsOption = Annotated[
    str | None, typer.Option("--labels", metavar="A,B,...", help="The columns of a matrix of counts, in order.")
]
IndexOption = Annotated[
    str | None,
    typer.Option("--index", metavar="FILE.csv:COLUMN", help="Which sample each row of a matrix of counts is."),
]
PlanOption = Annotated[
    bool, typer.Option("--plan", help="Before a study: how many cases it takes. With TRIALS, these are a pilot.")
]
ExpectOption = Annotated[
    str | None,
    typer.Option("--expect", metavar="MACHINE,PEOPLE", help="For --plan: shares of right answers, e.g. 0.95,0.95."),
]
PowerOption = Annotated[float, typer.Option("--power", help="For --plan: how probably the study decides.")]
NReadersOption = Annotated[
    int | None, typer.Option("--n-readers", min=2, help="For --plan with a pilot of ratings: how many readers.")
]
DifferenceOption = Annotated[
    float, typer.Option("--difference", help="For --plan with a pilot of ratings: the true difference in AUC.")
]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="A folder for the page and the JSON.")]
NoPicturesOption = Annotated[bool, typer.Option("--no-pictures", help="Leave pictures out of the page.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Every bootstrap follows from it.")]


def read_names(pairs: list[str] | None) -> dict[str, str]:
    """Read ``THEIRS=OURS`` pairs of labels.

    Parameters
    ----------
    pairs : list of str, optional
        What the user typed after each ``--map``.

    Raises
    ------
    OptionError
        Where a pair is none.

    Examples
    --------
    >>> read_names(["Dog bark=dog_bark"])
    {'Dog bark': 'dog_bark'}
    """
    names: dict[str, str] = {}
    for pair in pairs or []:
        theirs, equals, ours = pair.partition("=")
        if not equals or not theirs or not ours:
            raise OptionError(f"--map expects LABEL=LABEL, people's and then the recognizer's, and received {pair!r}.")
        names[theirs] = ours
    return names


def read_labels(text: str | None) -> tuple[str, ...]:
    """Read labels with commas between them; none where nothing was given.

    Parameters
    ----------
    text : str, optional
        What the user typed after ``--labels``.

    Examples
    --------
    >>> read_labels("cat, dog")
    ('cat', 'dog')
    """
    return tuple(label.strip() for label in text.split(",")) if text else ()
