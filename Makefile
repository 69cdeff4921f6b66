# Tasks of the house. `make` alone lists them.
#
# Everything runs in a virtual environment of its own, .venv, which the first task creates: the
# tools, the build tools, and the package in editable mode with its compiled core.

.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
LOWEST ?= .venv-lowest
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
# a worker for each core, each with one thread
THREADS := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
WORKERS := -n auto --maxprocesses 8
CORE   := CMakeLists.txt $(wildcard src/core/*.cpp src/core/*.h)

.PHONY: help setup core demo test fast lint format types layers check lower reference bench \
	validate docs clean

help:  ## list the tasks
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.package  ## create .venv and install the package and all tools into it

$(VENV)/.tools: pyproject.toml
	@echo "Setting up $(VENV) ($$($(PYTHON) --version)); the first time takes a minute or two."
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade "pip>=25.1"
	$(PIP) install --group dev
	@touch $@

$(VENV)/.package: $(VENV)/.tools $(CORE)
	@echo "Compiling the core and installing ilk."
	$(PIP) install --no-build-isolation --editable ".[all]"
	@touch $@

core: $(VENV)/.tools  ## compile the core again after a change of src/core
	$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $(VENV)/.package

demo: setup  ## fit the hospital example and write demo/report.html
	$(BIN)/ilk demo --out demo

test: setup  ## run all tests
	$(THREADS) $(BIN)/python -m pytest $(WORKERS)

fast: setup  ## run the tests that take a moment, stop at the first failure
	$(BIN)/python -m pytest -x -q -m "not slow"

lint: setup  ## ruff: style, docstrings, likely mistakes, format
	$(BIN)/ruff check .

format: setup  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format src tests

types: setup  ## mypy, strict
	$(BIN)/mypy

layers: setup  ## import-linter: no module imports from a layer above its own
	$(BIN)/lint-imports

check: lint types layers test  ## all of the above

lower: setup  ## run the unit tests with the lowest versions of the dependencies that are permitted
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip --quiet install --upgrade "pip>=25.1"
	$(PIP) wheel --no-build-isolation --no-deps --wheel-dir $(LOWEST)/wheels .
	$(LOWEST)/bin/python -m pip --quiet install --constraint tests/lowest.txt --group test \
		"ilk[all] @ file://$$(realpath $(LOWEST)/wheels/ilk-*.whl)"
	$(THREADS) $(LOWEST)/bin/python -m pytest $(WORKERS) -q -m "not slow" tests/unit

reference: setup  ## every reference fit: the worst deviation per quantity and case
	$(BIN)/python -W ignore -m tests.reference

bench: setup  ## time ilk and the peers that are installed; writes results and docs/benchmarks.md
	$(BIN)/python -m benchmarks.data
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.compare

validate: setup  ## random data sets against multi-start searches, coverage; takes some minutes
	$(BIN)/python -m validation.robustness
	$(BIN)/python -m validation.standardization
	$(BIN)/python -m validation.coverage
	$(BIN)/python -m validation.quantile_residuals
	$(BIN)/python -m validation.ranks
	$(BIN)/python -m validation.shrinkage
	$(BIN)/python -m validation.checks_power
	$(BIN)/python -m validation.tables

docs: setup  ## check the documentation: links, names, examples, figures
	$(BIN)/python -m pytest -q tests/contracts

clean:  ## remove the environments, caches and build products
	rm -rf $(VENV) $(LOWEST) build dist demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
