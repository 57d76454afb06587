"""Every test runs with the shapes in photism's signatures enforced (jaxtyping, checked by beartype)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

import tests.typechecker  # noqa: F401  # the hook below finds it by name

# numpy's own integers and floats are accepted where int and float are asked for (PEP 484's numeric tower).
install_import_hook("photism", "tests.typechecker.checked")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the whole session one cache of its own: tests neither read nor fill the user's."""
    root = Path(os.environ.get("PHOTISM_TEST_CACHE") or tmp_path_factory.getbasetemp() / "photism-cache")
    monkeypatch.setenv("PHOTISM_CACHE", str(root))
