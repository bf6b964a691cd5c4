# Sets up its own virtual environment; needs Python 3.10 or newer, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: setup demo up test test-server test-browser test-deploy test-lake torture lint docs bench clean

setup: $(VENV)/.demo

demo: $(VENV)/.demo
	@$(BIN)/cleargrid demo $(ARGS)

up: $(VENV)/.demo
	@$(BIN)/cleargrid up $(ARGS)

test: $(VENV)/.dev
	$(BIN)/python -m pytest $(ARGS)

test-server: $(VENV)/.dev
	$(BIN)/python -m pytest -m server $(ARGS)

# In one process, because one Dagster and one browser serve all tests.
test-browser: $(VENV)/.dev
	$(BIN)/python -m pytest -m browser -n 0 $(ARGS) cleargrid_assets_tests/browser

test-deploy: $(VENV)/.dev
	$(BIN)/python -m pytest -m deploy -n 0 $(ARGS)

# Starts its own servers: Debian's packages postgresql and redis-server.
test-lake: $(VENV)/.lake
	$(BIN)/python -m pytest -m lake $(ARGS)

# In one process, because the proofs measure and race; -s, so that they may show their progress.
torture: $(VENV)/.dev
	$(BIN)/python -m pytest -m torture -n 0 -s $(ARGS) cleargrid_assets_tests/torture

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.dev
	@$(BIN)/python -m cleargrid_assets_tests.docs.generate

bench: $(VENV)/.dev
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

$(VENV)/.lake: $(VENV)/.dev
	@echo "Installing the packages for tests of a lake ..."
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,lake,cluster]'
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing (about a minute the first time) ..."
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@
