# Two commands matter: `make demo` and `make test`. Each sets up what it needs in .venv, without root.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
ARGS   ?=
JOBS   ?= auto

.PHONY: demo test test-python mutants reference lint lock wheel clean setup

demo: $(READY)                 ## watch a simulated line being inspected and steered (ARGS="--parts 300 --seed 7")
	$(BIN)/ripieno demo $(ARGS)

test: $(READY) lint            ## everything that is checked, as CI does it (ARGS="-k link"; JOBS=0: one after the other)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

test-python: $(READY)          ## the tests without the linters: for a second Python (VENV=... PYTHON=...)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

mutants: $(READY)              ## take protections out, one by one, and see that the checks go red
	$(BIN)/python -m tests.mutants $(ARGS)

reference: $(READY)            ## write docs/reference anew from the code
	$(BIN)/ripieno reference --write docs/reference

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup: $(READY)

# The wheels are kept in a cache of their own, so that a second clone needs no network.
$(READY): requirements.lock pyproject.toml tests/setup.sh
	PYTHON=$(PYTHON) sh tests/setup.sh $(VENV)
	@touch $@

lock:                          ## resolve the dependencies anew (needs uv)
	uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --extra dev -p 3.11 pyproject.toml -o requirements.lock

wheel: $(READY)
	$(BIN)/python -m hatchling build -t wheel

clean:
	rm -rf $(VENV) dist
