# Everything runs from a bare clone with Python 3.11 or later and make; what is installed lands in $(VENV).
PYTHON ?= python3
VENV ?= .venv
ARGS ?=

BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALLED := $(VENV)/installed

# What is imported is compiled once and kept, also where the environment says otherwise: six processes start from it.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench lock

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'Another interpreter: make test PYTHON=python3.12 VENV=.venv/3.12'

setup: $(INSTALLED) ## Install into .venv, with the command .venv/bin/rollcall

demo: $(INSTALLED) ## Start everything, assign a course to 2,000 parties, stay up (ONCE=1: end instead)
	$(BIN)/rollcall demo $(if $(filter 1,$(ONCE)),--once)

test: $(INSTALLED) ## Run the test suite (ARGS="-k licences" goes to pytest)
	$(BIN)/pytest -n auto $(ARGS)

check: $(INSTALLED) ## Formatting, lint, types, import contracts, migrations against the models
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m migrations.check

bench: $(INSTALLED) ## Measure against the floor and the alternatives
	$(BIN)/python -m bench $(ARGS)

# Pins stay as they are unless a range in pyproject.toml forbids them; ARGS=--upgrade renews them all.
COMPILE = $(UV) pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --extra embedded $(ARGS)

lock: $(UV) ## Write requirements*.txt anew from pyproject.toml (ARGS=--upgrade: newest versions)
	$(COMPILE) --output-file requirements.txt
	$(COMPILE) --extra dev --constraint requirements.txt --output-file requirements-dev.txt

# uv installs the set in 3 s where pip takes 50 to 70; pip fetches uv itself, by the hash in the lock.
$(UV):
	@$(PYTHON) -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo 'Rollcall needs Python 3.11 or later with its venv module (python3-venv on Debian); name one with PYTHON=...' >&2; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.txt | $(BIN)/pip install --quiet --require-hashes -r /dev/stdin

# pip comes second because it alone knows a package mirror that this machine's pip configuration names.
$(INSTALLED): requirements-dev.txt pyproject.toml | $(UV)
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.txt || \
		$(BIN)/pip install --quiet --no-compile --require-hashes -r requirements-dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
