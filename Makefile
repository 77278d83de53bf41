# make generate train eval   the whole job; CONFIG=... takes another recipe or file, RUN=... names the run
# make test                  the default suite; make test-all adds the slow part; make check lints and types; make docs the site

CONFIG ?= quickstart
RUN ?= $(basename $(notdir $(CONFIG)))
ARGS ?=
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
KSHOT := $(BIN)/kshot

.NOTPARALLEL:
.PHONY: help generate train eval evaluate test test-all check docs format clean

help:
	@sed -n 's/^# //p' Makefile

# The stamp depends on the files that name the dependencies, so an edit of them installs again.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("kshot needs Python 3.11 or newer; set PYTHON=...")'
	@test -L kshot/generate || { echo "kshot/generate is not a link: this checkout has no symbolic links; on Windows: git config core.symlinks true, then check out again"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing kshot and its dependencies into $(VENV) (two to four minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,docs,gguf,site]' 2>$(VENV)/pip.log || { cat $(VENV)/pip.log; exit 1; }
	@touch $@

generate: $(VENV)/.installed
	@$(KSHOT) generate $(CONFIG) --run $(RUN) $(ARGS)

train: $(VENV)/.installed
	@$(KSHOT) train $(CONFIG) --run $(RUN) $(ARGS)

eval evaluate: $(VENV)/.installed
	@$(KSHOT) evaluate $(CONFIG) --run $(RUN) $(ARGS)

# Two workers, for two cores; an idle one takes tests from the other.
test: $(VENV)/.installed
	@$(BIN)/python -m pytest -m "not slow" --numprocesses 2 --dist worksteal

test-all: test
	@$(BIN)/python -m pytest -m slow

check: $(VENV)/.installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# The reference is generated; a page that is out of date fails.
docs: $(VENV)/.installed
	@$(BIN)/python docs/build_reference.py --check
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir build/site

format: $(VENV)/.installed
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

clean:
	rm -rf $(VENV) *.egg-info
