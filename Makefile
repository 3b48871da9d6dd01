# Every target sets up what it needs in .venv; PYTHON may name any Python from 3.11 on.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check proofs bench clean

demo: .venv/package
	@$(BIN)/mcp-handoff demo

test: .venv/development
	$(BIN)/python -m pytest -n auto

check: .venv/development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/python -m pytest -n auto

# The tests of faults, all that they have, with dice of their own; the seed repeats a run.
proofs: .venv/development
	@seed=$${HANDOFF_SEED:-$$($(BIN)/python -c 'import secrets; print(secrets.randbelow(10**6))')}; \
		echo "HANDOFF_SEED=$$seed"; HANDOFF_PROOFS=wide HANDOFF_SEED=$$seed \
		$(BIN)/python -m pytest -n auto tests/faults tests/backends tests/dispatch

bench: .venv/development
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'mcp-handoff needs Python 3.11 or newer: make PYTHON=python3.12 ...' >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

.venv/package: .venv/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/development: .venv/package pyproject.toml
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@
