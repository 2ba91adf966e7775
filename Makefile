# One step that all others share: a virtual environment with the pinned versions.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install up test check lint types architecture clean

help: ## Say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

install: $(STAMP) ## Install everything, pinned, into .venv

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt "torch==2.13.0"
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[coordinator,worker,dev]"
	@touch $@

up: install ## Run a whole swarm on this machine until Ctrl-C
	$(BIN)/swarmlab up

test: install ## Run the whole test suite
	$(BIN)/pytest -n auto --dist loadfile

check: lint types architecture test ## Everything that CI runs

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: install
	$(BIN)/mypy

architecture: install
	$(BIN)/lint-imports

clean: ## Remove what was built here (not what swarmlab stored in its home)
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
