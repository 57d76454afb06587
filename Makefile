# Everything runs in .venv, which `make .venv/ready` builds from pyproject.toml alone.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-browser lint bench clean

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,browser]'
	@touch .venv/ready

demo: .venv/ready  ## the main job on real data that every machine has
	$(BIN)/photism demo --out runs/demo

test: .venv/ready  ## unit, oracle, property, contract and architecture tests, and the doctests
	$(BIN)/python -m pytest
	$(BIN)/python -m pytest --doctest-modules src/photism

test-browser: .venv/ready  ## the report in real Chromium (needs Debian's chromium, or $$CHROMIUM)
	$(BIN)/python -m pytest -m browser tests/browser

lint: .venv/ready  ## style, types and the architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: .venv/ready  ## the first table of benchmarks/RESULTS.md (needs the data sets in $$PHOTISM_DATA)
	$(BIN)/python -m benchmarks.main_job

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache runs
