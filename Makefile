# Everything runs from .venv, made from exact pins. PYTHON chooses the interpreter (3.11 or later).
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check docs reproduce proof mutation browser-test tex-test screenshot simulations faults configuration notebook clean

demo: .venv/ready
	$(BIN)/mtnlg run experiment=demo

# Two processes with one thread each: on two cores faster than one with two.
test: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2

# The manual: build/docs/index.html. A warning is an error.
docs: .venv/docs
	$(BIN)/python -m sphinx -q -W --keep-going docs build/docs

.venv/docs: .venv/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[docs]'
	touch $@

# A small run made twice, its training killed on the way: the same bits, and not worse than published.
reproduce: .venv/ready
	.ci/reproduce

# Proofs that take minutes: quality on real budgets, kills at random steps.
proof: .venv/ready
	$(BIN)/python -m pytest -m slow

# How many small faults the tests of some rooms catch: a draw of 40 in each, about an hour.
# `make mutation ROOMS="generation training/plan"` looks at those.
mutation: .venv/mutation
	$(BIN)/python tests/mutation $(ROOMS)

.venv/mutation: .venv/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[mutation]'
	touch $@

# The report in a real browser: Chromium of the system (apt install chromium), driven by Playwright.
browser-test: .venv/browser
	$(BIN)/python -m pytest -rs tests/report/test_browser*.py tests/ratings/test_rating_form.py

# The picture of README: the first screen of the published demo.
screenshot: .venv/browser
	$(BIN)/python tests/support/screenshot.py reports/published/demo/index.html docs/images/report.png

.venv/browser: .venv/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[browser]'
	touch $@

# The tables for papers in a real LaTeX, which Debian's packages bring.
tex-test: .venv/ready
	command -v pdflatex || apt-get install --yes --no-install-recommends \
		texlive-latex-recommended texlive-science texlive-fonts-recommended
	$(BIN)/python -m pytest -rs tests/report/test_latex.py

# How often intervals and tests are right, on made-up scores: a table that is published.
simulations: .venv/ready
	$(BIN)/python tests/support/simulations.py reports/published/statistics.md

# What damaged files and kills do to a small experiment: a table that is published; about 15 minutes.
faults: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/python tests/support/faults.py reports/published/faults.md

# The page of all settings, from the classes that define them.
configuration: .venv/ready
	$(BIN)/python tests/support/configuration_page.py docs/configuration.md

# The notebook of the manual, run anew.
notebook: .venv/ready
	$(BIN)/python tests/support/notebook_cells.py docs/notebook.ipynb

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	$(BIN)/python -m compileall -q src conf pipelines
	touch $@

clean:
	rm -rf .venv build src/*.egg-info
