# make demo   set up and show the shipped clip (a window, or a folder where there is no screen)
# make test   set up and check everything
# make docs   build the documentation into docs/_build/html, with warnings as errors
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHON
export VENV
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

SCREEN := $(if $(DISPLAY)$(WAYLAND_DISPLAY),window,run)
# On a terminal pip shows what it downloads and how far it is; a log gets what is said beforehand.
PIP_INSTALL = [ -t 1 ] && hush= || hush=--quiet; $(BIN)/python -m pip install $$hush

.PHONY: demo test lint docs bench clean
.NOTPARALLEL:

demo: system-$(SCREEN) $(VENV)/.run
	$(BIN)/hmr-live demo

# The window's tests have a process without torch: Qt makes Mesa's LLVM visible to every library that
# is loaded afterwards, and torch's compiler, which has another LLVM inside, crashes with it.
test: system-test $(VENV)/.dev lint docs
	xvfb-run -a -s "-screen 0 1600x1000x24" $(BIN)/python -m pytest tests/app
	$(BIN)/python -m pytest --ignore tests/app --numprocesses 2 --dist worksteal

lint: system-run $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: system-run $(VENV)/.docs
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

bench: system-run $(VENV)/.run
	$(BIN)/hmr-live bench

clean:
	rm -rf $(VENV) out build *.egg-info docs/_build docs/api/hmr_live*.rst

system-%:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "hmr-live needs Python 3.11 or newer: call make with PYTHON=python3.11." >&2; exit 1; }
	@.ci/system-packages $*

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(BIN)/pip pyproject.toml
	@echo "Installing what the program needs into $(VENV): about 200 MB to download, 600 MB on the disk."
	@$(PIP_INSTALL) --editable .
	@touch $@

$(VENV)/.dev: $(BIN)/pip pyproject.toml .ci/constraints.txt
	@echo "Installing what the tests need into $(VENV): about 3.5 GB to download, 7 GB on the disk, most of it torch."
	@$(PIP_INSTALL) --constraint .ci/constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.run $(VENV)/.docs

$(VENV)/.docs: $(BIN)/pip pyproject.toml .ci/constraints.txt
	@$(PIP_INSTALL) --constraint .ci/constraints.txt --editable '.[docs]'
	@touch $@ $(VENV)/.run
