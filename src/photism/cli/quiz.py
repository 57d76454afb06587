"""The verb that asks people: ``photism quiz``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from photism.cli.app import app
from photism.cli.options import (
    DONE,
    INTERRUPTED,
    DataArgument,
    EngineOption,
    Format,
    FormatOption,
    RunArgument,
    print_json,
    progress,
)

__all__ = ["quiz"]

STOPPED_SENTENCE = "stopped; every answer is kept. The same command, and the same name, continues."


@app.command()
def quiz(
    run: RunArgument,
    data: DataArgument,
    out: Annotated[
        Path, typer.Option("--out", metavar="CSV", help="Where answers go; an existing file is continued.")
    ] = Path("trials.csv"),
    n: Annotated[int, typer.Option("--n", help="Items at most, shared out evenly between the classes.")] = 100,
    part: Annotated[
        str | None, typer.Option("--part", metavar="train|valid|test", help="What was held out, if left out.")
    ] = None,
    rating: Annotated[
        str | None, typer.Option("--rating", metavar="LOW..HIGH", help="Of two classes: how sure, 1..5 say.")
    ] = None,
    positive: Annotated[
        str | None, typer.Option("--positive", metavar="LABEL", help="What a high rating speaks for.")
    ] = None,
    condition: Annotated[
        str | None, typer.Option("--condition", metavar="NAME", help="Kept beside every answer: unaided, say.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Items, and everybody's order, follow from it.")] = 0,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any that is free.")] = 0,
    terminal: Annotated[bool, typer.Option("--terminal", help="Ask here, and not in a browser.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    engine: EngineOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Ask people about the items that the recognizer has answered, blind; `photism compare` reads the answers."""
    from photism.verbs.quiz import quiz as run_quiz

    try:
        played = run_quiz(
            run,
            data,
            out=out,
            n=n,
            part=part,
            rating=rating,
            positive=positive,
            condition=condition,
            seed=seed,
            port=port,
            terminal=(sys.stdin, sys.stderr) if terminal else None,
            engine=engine,
            announce=lambda sentence: typer.echo(sentence, err=True),
            opened=typer.launch if open_ else None,
            progress=progress(),
        )
    except KeyboardInterrupt:  # before the first item could be asked
        _stop()
    if format is Format.json:
        print_json(played.to_json())
    else:
        typer.echo(played.to_text())
    if played.finished:
        raise typer.Exit(DONE)
    _stop()


def _stop() -> NoReturn:
    typer.echo(f"photism: {STOPPED_SENTENCE}", err=True)
    sys.exit(INTERRUPTED)  # a typer.Exit of 130 would be told as an interrupted training
