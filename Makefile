.PHONY: up down install test check format bench newer probe clean
.DEFAULT_GOAL := help

PY := .venv/bin/python

help:  ## This list.
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 10

up: install  ## Set everything up, start the cloud on 127.0.0.1:4566, and say what to type next.
	@scripts/machines.sh
	@.venv/bin/pileus up

down:  ## Stop the cloud.
	@.venv/bin/pileus down

install:  ## Make the project's own environment (.venv).
	@scripts/setup.sh tools

test:  ## Everything the tests need, and all tests.
	@scripts/setup.sh tools dev
	@scripts/clients.sh
	@scripts/machines.sh
	$(PY) -m pytest

check:  ## Format, lint, types, import layers, ledger.
	@scripts/setup.sh tools dev
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) -m pileus.ledger --check docs/ledger.md

format:  ## Format the code and print the ledger anew.
	@scripts/setup.sh tools dev
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix-only -q .
	$(PY) -m pileus.ledger > docs/ledger.md

newer:  ## Raise constraints.txt to the newest versions: then run the tests, for AWS adds members and operations.
	@scripts/setup.sh tools dev
	$(PY) -m pip install -q --upgrade --upgrade-strategy eager -e ".[tools,dev]"
	$(PY) -m pip freeze --exclude-editable > constraints.txt

probe:  ## The long form of the kill -9 probe.
	@scripts/setup.sh tools dev
	$(PY) -m pytest tests/probe -m long

bench:  ## The measures of docs/performance.md (needs wrk).
	@scripts/setup.sh tools dev
	$(PY) -m bench

clean:  ## Remove the environment and caches.
	rm -rf .venv .cache build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
