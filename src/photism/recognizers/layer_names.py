"""The names of layers: ``panel/stage``, what one stage of the network computes of one panel of a picture.

Covers putting such names together and taking them apart. Which layers are there is the network's and the recipe's
affair.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["by_panel", "layer_name", "panel_of", "stage_of"]


def layer_name(panel: str, stage: str) -> str:
    """Return the name of what a stage computes of a panel.

    Examples
    --------
    >>> layer_name("spectrogram", "b5")
    'spectrogram/b5'
    """
    return f"{panel}/{stage}"


def panel_of(layer: str) -> str:
    """Return the panel of a layer's name.

    Examples
    --------
    >>> panel_of("spectrogram/b5")
    'spectrogram'
    """
    return layer.rpartition("/")[0]


def stage_of(layer: str) -> str:
    """Return the stage of a layer's name.

    Examples
    --------
    >>> stage_of("spectrogram/b5")
    'b5'
    """
    return layer.rpartition("/")[2]


def by_panel(layers: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Share layers out to their panels, each in the order given.

    Examples
    --------
    >>> by_panel(["width/b1", "hilbert/b1", "width/b5"])
    {'width': ('width/b1', 'width/b5'), 'hilbert': ('hilbert/b1',)}
    """
    panels: dict[str, list[str]] = {}
    for layer in layers:
        panels.setdefault(panel_of(layer), []).append(layer)
    return {panel: tuple(some) for panel, some in panels.items()}
