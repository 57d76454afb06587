"""torch takes more than a second to import: what does not train or explain must not wait for it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["photism", "photism.cli", "photism.experiment", "photism.verbs.ask"])
def test_importing_does_not_import_torch(module: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print('torch' in sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.strip() == "False"
