# Everything runs from .venv, made from exact pins. PYTHON chooses the interpreter (3.11 or later).
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check proof simulations clean

demo: .venv/ready
	$(BIN)/mtnlg run experiment=demo

test: .venv/ready
	$(BIN)/python -m pytest

# Proofs that take minutes: quality on real budgets, kills at random steps.
proof: .venv/ready
	$(BIN)/python -m pytest -m slow

# How often intervals and tests are right, on made-up scores: a table that is published.
simulations: .venv/ready
	$(BIN)/python -m mtnlg.evaluation.simulations reports/published/statistics.md

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	touch $@

clean:
	rm -rf .venv build src/*.egg-info
