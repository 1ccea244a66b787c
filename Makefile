# make demo: set up and run the main job.  make test: set up and run every check.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint bench clean

demo: $(VENV)/.stamp-run
	$(BIN)/expfam demo
	@echo; echo "To call expfam by name in this shell: . $(BIN)/activate"

test: lint
	$(BIN)/python -m pytest -n 2 -rs

lint: $(VENV)/.stamp-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.stamp-bench
	$(BIN)/python -m benchmarks --output docs/benchmarks

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp tells that its packages are installed; a newer pyproject.toml installs them again.
$(VENV)/.stamp-run: pyproject.toml $(VENV)/.stamp-python
	$(PIP) --editable .
	touch $@

$(VENV)/.stamp-dev $(VENV)/.stamp-bench: $(VENV)/.stamp-%: pyproject.toml $(VENV)/.stamp-python
	$(PIP) --editable ".[$*]"
	touch $@ $(VENV)/.stamp-run

$(VENV)/.stamp-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	touch $@
