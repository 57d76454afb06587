"""Which variations are drawn where a user asks: by name, or as changes to the usual ones."""

from __future__ import annotations

import pytest

from photism.errors import OptionError
from photism.pictures.table import RENDERERS, choose_variations


def test_nothing_asked_is_nothing_chosen() -> None:
    assert choose_variations("image", None) is None
    assert choose_variations("sound", "none") == ()


@pytest.mark.parametrize("kind", list(RENDERERS))
def test_changes_start_from_what_is_used_unasked(kind: str) -> None:
    row = RENDERERS[kind]  # type: ignore[index]
    first, *rest = row.usual
    assert choose_variations(kind, f"-{first}") == tuple(rest)  # type: ignore[arg-type]
    assert choose_variations(kind, ",".join(reversed(row.usual))) == row.usual  # type: ignore[arg-type]
    more = [name for name in row.variations if name not in row.usual]
    if more:
        assert set(choose_variations(kind, f"+{more[-1]}") or ()) == {*row.usual, more[-1]}  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", ["rotate", "", "flip,-crop", "flip,,crop", "+", "none,flip", "-none", "--flip"])
def test_what_is_no_variation_is_refused_with_the_names(asked: str) -> None:
    with pytest.raises(OptionError, match="crop, flip, jitter, trivial for data of the kind image"):
        choose_variations("image", asked)
