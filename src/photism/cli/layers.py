"""The verb that explains one answer."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from photism.cli.app import app
from photism.cli.options import EngineOption, Format, FormatOption, RunArgument, command_line, print_json

__all__ = ["ExplainMethod", "explain"]


class ExplainMethod(StrEnum):
    """How an answer is explained."""

    gradcam = "gradcam"
    integrated_gradients = "integrated-gradients"
    occlusion = "occlusion"


@app.command()
def explain(
    run: RunArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of the kind that the run was trained on.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to make.")],
    method: Annotated[
        ExplainMethod, typer.Option("--method", help="How; gradcam is the quickest.")
    ] = ExplainMethod.gradcam,
    label: Annotated[str | None, typer.Option("--label", help="Explain this class instead of the answer.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the random regions it is compared with.")] = 0,
    engine: EngineOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Say which seconds and hertz, bytes, pixels or piece of a path decided an answer, and whether to believe it."""
    from photism.verbs.explain import PAGE
    from photism.verbs.explain import explain as run_explain

    found = run_explain(
        run, file, out, label=label, method=method.value, engine=engine, seed=seed, command=command_line()
    )
    if format is Format.json:
        print_json(found.to_json())
    else:
        typer.echo(found.to_text())
        typer.echo(f"page: {out / PAGE}")
