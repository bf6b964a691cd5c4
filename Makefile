# Sets up its own virtual environment; needs Python 3.10 or newer, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: setup demo test test-server test-browser torture lint docs bench clean

setup: $(VENV)/.demo

demo: $(VENV)/.demo
	@$(BIN)/cleargrid demo $(ARGS)

test: $(VENV)/.dev
	$(BIN)/python -m pytest $(ARGS)

test-server: $(VENV)/.dev
	$(BIN)/python -m pytest -m server $(ARGS)

# In one process, because one Dagster and one browser serve all tests.
test-browser: $(VENV)/.dev
	$(BIN)/python -m pytest -m browser -n 0 $(ARGS) cleargrid_assets_tests/browser

# In one process, because the proofs measure and race; -s, so that they may show their progress.
torture: $(VENV)/.dev
	$(BIN)/python -m pytest -m torture -n 0 -s $(ARGS) cleargrid_assets_tests/torture

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.dev
	@$(BIN)/python -m cleargrid_assets_tests.docs.generate

bench: $(VENV)/.demo
	@$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed; name one with PYTHON=..."; exit 1; }
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing (about a minute the first time) ..."
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing (about a minute the first time) ..."
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@
