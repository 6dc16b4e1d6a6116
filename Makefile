# make demo   set up and show the shipped clip (a window, or a folder where there is no screen)
# make test   set up and check everything
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHON
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

SCREEN := $(if $(DISPLAY)$(WAYLAND_DISPLAY),window,run)

.PHONY: demo test lint bench clean

demo: $(VENV)/.run
	@PYTHON=$(BIN)/python .ci/system-packages $(SCREEN)
	$(BIN)/hmr-live demo

test: $(VENV)/.dev
	@PYTHON=$(BIN)/python .ci/system-packages test
	$(MAKE) --no-print-directory lint
	xvfb-run -a -s "-screen 0 1600x1000x24" $(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.run
	$(BIN)/hmr-live bench

clean:
	rm -rf $(VENV) out build *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "hmr-live needs Python 3.11 or newer: call make with PYTHON=python3.11." >&2; exit 1; }
	@.ci/system-packages run
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml .ci/constraints.txt
	$(BIN)/python -m pip install --quiet --constraint .ci/constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.run
