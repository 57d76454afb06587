"""The verb ``layers``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from photism.cli.app import app
from photism.cli.options import Format, FormatOption, RunArgument, command_line, print_json, progress


@app.command()
def layers(
    run: RunArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to make.")],
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Show where each layer fires on this file.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DATA", help="Where the run's data are now, if they have moved.")
    ] = None,
    dream: Annotated[
        bool, typer.Option("--dream", help="Draw pictures made so that channels fire, too; takes longer.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Every random choice follows from it.")] = 0,
    no_pictures: Annotated[bool, typer.Option("--no-pictures", help="Leave your files' pictures out.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Draw the atlas: what each layer of a recognizer's network recognises, against random weights."""
    from photism.report.atlas_page import tell_atlas
    from photism.verbs.layers import PAGE, draw_layers

    found = draw_layers(
        run,
        out,
        data=data,
        file=file,
        dream=dream,
        pictures=not no_pictures,
        seed=seed,
        command=command_line(),
        progress=progress(),
    )
    if format is Format.json:
        print_json(found.to_json())
    else:
        typer.echo(tell_atlas(found))
        typer.echo(f"page: {out / PAGE}")
