# Every target works in a fresh clone; it needs make and Python 3.11 or later. All packages are installed into $(VENV).
PYTHON ?= python3
VENV ?= .venv
ARGS ?=

BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALLED := $(VENV)/installed
JUDGES := tests/judges

# Always keep compiled bytecode, even if the environment forbids it: six processes start from the same modules.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test faults check bench judges client client-ts texts screenshots lock

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'With another interpreter: make test PYTHON=python3.12 VENV=.venv/3.12'

setup: $(INSTALLED) ## Install into .venv, with the command .venv/bin/rollcall

demo: $(INSTALLED) ## Start the whole system, assign a course to 2,000 parties, keep running (ONCE=1: stop at the end)
	$(BIN)/rollcall demo $(if $(filter 1,$(ONCE)),--once)

test: $(INSTALLED) ## Run the test suite (options for pytest: ARGS="-k licences")
	$(BIN)/pytest -n auto -m 'not matrix' $(ARGS)

faults: $(INSTALLED) ## Run the long matrix of faults: larger organizations, more seeds, and controls
	$(BIN)/pytest -n auto -m matrix $(ARGS)

check: $(INSTALLED) ## Check formatting, lint, types, import contracts, and the migrations against the models
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m migrations.check

bench: $(INSTALLED) ## Measure the speed against the floor and the alternatives
	$(BIN)/python -m bench $(ARGS)

judges: $(INSTALLED) ## Have linters, generators and validators of others judge the documents and pages (npm, Java)
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(JUDGES)/node_modules/installed || \
		echo 'SKIPPED: npm could not install the judges, so only those in Python are run' >&2; \
	else echo 'SKIPPED: npm is missing, so only the judges in Python are run' >&2; fi
	$(UV) venv --quiet --allow-existing $(VENV)/judges --python $(BIN)/python
	$(UV) pip sync --quiet --python $(VENV)/judges/bin/python --require-hashes $(JUDGES)/requirements.txt || { \
		$(PYTHON) -m venv $(VENV)/judges && \
		$(VENV)/judges/bin/pip install --quiet --require-hashes -r $(JUDGES)/requirements.txt; }
	$(BIN)/pytest -n 0 -q --no-header -rs $(JUDGES)/judged.py $(JUDGES)/signing_in.py $(ARGS)

client: $(INSTALLED) ## Generate the operations and types of rollcall_client from the OpenAPI document
	$(BIN)/python -m tests.client.generated

client-ts: $(INSTALLED) $(JUDGES)/node_modules/installed ## Generate and build the TypeScript client in clients/typescript (npm)
	$(BIN)/python -m tests.client.typescript

$(JUDGES)/node_modules/installed: $(JUDGES)/package-lock.json
	cd $(JUDGES) && npm ci --no-progress && touch node_modules/installed

texts: $(INSTALLED) ## Collect the texts of the pages into the catalogue of each language
	$(BIN)/python -m tests.console.texts

screenshots: $(INSTALLED) ## Draw the pictures of the README with Chromium
	$(BIN)/pytest -n 0 -q tests/browser/pictures.py

# Existing pins are kept unless a range in pyproject.toml forbids them; ARGS=--upgrade updates all of them.
COMPILE = $(UV) pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --extra embedded $(ARGS)

lock: $(UV) ## Generate requirements*.txt from pyproject.toml (ARGS=--upgrade: newest versions)
	$(COMPILE) --output-file requirements.txt
	$(COMPILE) --extra dev --constraint requirements.txt --output-file requirements-dev.txt

# uv installs all packages in 3 s; pip takes 50 to 70 s. pip installs uv itself, with the hash from the lock.
$(UV):
	@$(PYTHON) -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo 'Rollcall needs Python 3.11 or later with its venv module (python3-venv on Debian); choose one with PYTHON=...' >&2; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.txt | $(BIN)/pip install --quiet --require-hashes -r /dev/stdin

# pip is the fallback, because only pip reads a package mirror from this machine's pip configuration.
$(INSTALLED): requirements-dev.txt pyproject.toml | $(UV)
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.txt || \
		$(BIN)/pip install --quiet --no-compile --require-hashes -r requirements-dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
