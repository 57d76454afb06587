"""The house as a whole: the floors hold, public names are documented, files stay small, the README's tree is true."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "photism"
FILES = sorted(SOURCE.rglob("*.py"))
MAX_LINES = 450
FORBIDDEN_NAMES = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py", "manager.py"}


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def public_objects() -> list[tuple[str, object]]:
    found = []
    for path in FILES:
        module = importlib.import_module(module_name(path))
        for name in getattr(module, "__all__", []):
            item = getattr(module, name)
            if getattr(item, "__module__", None) == module.__name__ and (inspect.isclass(item) or callable(item)):
                found.append((f"{module.__name__}.{name}", item))
    return found


def test_floors_hold() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(SOURCE)) for path in FILES])
def test_files_are_small_and_have_a_name_of_the_field(path: Path) -> None:
    assert path.name not in FORBIDDEN_NAMES
    text = path.read_text()
    assert text.count("\n") <= MAX_LINES
    if path.name != "__init__.py" or text.strip():
        assert ast.get_docstring(ast.parse(text)), "a module opens with what it covers"


@pytest.mark.parametrize(("name", "item"), public_objects(), ids=lambda value: value if isinstance(value, str) else "")
def test_public_names_are_documented(name: str, item: object) -> None:
    documentation = inspect.getdoc(item)
    assert documentation, f"{name} has no docstring"
    if inspect.isfunction(item):
        parameters = [p for p in inspect.signature(item).parameters if p not in ("self", "cls")]
        missing = [p for p in parameters if not re.search(rf"\b{p}\b", documentation)]
        assert not missing or len(documentation.splitlines()) == 1, f"{name} does not say what {missing} are"


def test_public_list_is_what_the_package_exports() -> None:
    import photism

    for name in photism.__all__:
        assert getattr(photism, name) is not None
    assert dir(photism) == sorted(photism.__all__)


def files_of_the_readme_tree() -> list[str]:
    """The files that README.md's annotated tree names, with their folders; every line says what its file is."""
    tree = (ROOT / "README.md").read_text().partition("```\nsrc/photism/\n")[2].partition("```")[0]
    files: list[str] = []
    folders: list[str] = []
    for line in tree.splitlines():
        name, _, noun = line.strip().partition(" ")
        assert noun.strip(), f"README.md's tree does not say what {name} is"
        del folders[(len(line) - len(line.lstrip())) // 2 - 1 :]  # two spaces a level
        if name.endswith("/"):
            folders.append(name)
        else:
            files.append("".join(folders) + name)
    return files


def test_readme_tree_names_every_file_and_no_other() -> None:
    files = [path.relative_to(SOURCE).as_posix() for path in FILES if path.name != "__init__.py"]
    assert sorted(files_of_the_readme_tree()) == sorted(files)
