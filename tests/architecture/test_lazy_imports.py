"""What takes half a second to import or more is imported where it is needed: a probe must not wait for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = {"torch", "sklearn", "pandas", "scipy.stats", "statsmodels", "matplotlib"}


@pytest.mark.parametrize("module", ["photism", "photism.cli", "photism.experiment", "photism.verbs.ask"])
def test_importing_does_not_import_what_is_slow(module: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*({SLOW} & set(sys.modules)))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.strip() == ""
