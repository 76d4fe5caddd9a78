# make test, lint, demo, soak, bench, quiet, screenshot, docs, clean; PYTHON=python3.13 chooses the interpreter.
# make test ARGS=tests/translation runs some of the tests; all of them run in four processes, as most of them wait.
# Each interpreter has a virtual environment of its own, set up when first needed and when pyproject.toml changes.

PYTHON ?= python3
VENV := .venv-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: test lint demo soak bench quiet screenshot docs clean

test: $(VENV)/.test
	$(BIN)/python -m pytest $(or $(ARGS),--numprocesses=4)

lint: $(VENV)/.lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# The picture of the status page in the documentation; it takes Chromium.
screenshot: $(VENV)/.test
	SCREENSHOT=docs/status.png $(BIN)/python -m pytest -q tests/proxier/status/test_browser.py

# What is written while nothing happens; docs/operating.md has the figures.
quiet: $(VENV)/.test
	$(BIN)/python -m tests.quiet

soak: $(VENV)/.test
	$(BIN)/python -m tests.soak

bench: $(VENV)/.test
	$(BIN)/python -m tests.bench $(ARGS)

demo: $(VENV)/.demo
	$(BIN)/proxier demo $(ARGS)

# What is made from the sources: pages, the manual page, completions.
docs: $(VENV)/.test
	$(BIN)/python -m tests.cwmp_client.session_table
	$(BIN)/python -m tests.proxier.configuration_page
	$(BIN)/python -m proxier.packaging

clean:
	rm -rf .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.pip:
	@$(PYTHON) -c '' || { echo "$(PYTHON) cannot be run; try: make PYTHON=python3.11 …" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than Python 3.11; try: make PYTHON=python3.11 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments; on Debian: apt-get install $(notdir $(PYTHON))-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(INSTALL) --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.demo: $(VENV)/.pip pyproject.toml
	$(INSTALL) --editable '.[demo]'
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	$(INSTALL) --group test
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	$(INSTALL) --group lint
	@touch $@
