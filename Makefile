# The verbs of this project. `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# half as many again as processors: tests wait for loopback, programs and hosts' time more than they compute
QUICK   = $(shell $(PYTHON) -c 'import os; print(os.cpu_count() * 3 // 2)')
# the parts of lint side by side, each one's output in one piece; one after the other where make is older than 4.0, as on macOS
AT_ONCE = $(if $(filter output-sync,$(.FEATURES)),--output-sync=target --jobs=$(shell $(PYTHON) -c 'import os; print(os.cpu_count())'))
# what boots systems: the tests of a file share one
HEAVY  := tests/fleet tests/product/test_image.py
STAMP  := $(VENV)/.installed
SPOKEN = $(if $(DEMO_LANG),--language $(DEMO_LANG))

# Python without its cache of compiled files compiles the bot anew in every process that a test starts, and pytest every test module
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo check lint test near bench chaos lock clean

help:            ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "flatnet-bot needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m tests.install $(VENV) $(SPOKEN)
	@touch $@

install: $(STAMP) ## the virtual environment with the locked versions

demo: $(STAMP)   ## a fleet and a workspace in a box with the real bot on them, in your browser; DAY=1 plays a day in a minute, DEMO_LANG=ja speaks Japanese
	@$(BIN)/python -m tests.lab.demo $(if $(DAY),--day) $(SPOKEN)

check: lint      ## everything a command can check: lint, then all tests, the browser's and those of real programs too
	$(BIN)/pytest -n $(QUICK) --dist worksteal $(HEAVY:%=--ignore=%)
	$(BIN)/pytest $(HEAVY) -n 2 --dist loadfile

LINTS := mypy powershell51 source imports dependencies powershell workflows ruff format

lint: $(STAMP)   ## ruff, format, mypy --strict, import contracts, declared dependencies, names and docstrings, PowerShell lint and 5.1, workflows
	@$(MAKE) --no-print-directory --keep-going $(AT_ONCE) $(LINTS:%=lint-%)

.PHONY: $(LINTS:%=lint-%)
lint-mypy:
	$(BIN)/mypy
lint-powershell51:
	$(BIN)/python -m tests.powershell51 adapters/windows docs/hosts tests/windows
lint-source:
	$(BIN)/python -m tests.source_lint adapters commands bot
lint-imports:
	$(BIN)/lint-imports
# the bot may import what is installed with it, tests also what development installs
DECLARED := pyproject.toml
lint-dependencies:
	$(BIN)/deptry --no-ansi --config $(DECLARED) adapters commands bot
	$(BIN)/deptry --no-ansi --config $(DECLARED) --ignore DEP002,DEP004 tests
lint-powershell:
	$(BIN)/python -m tests.powershell_lint adapters/windows
lint-workflows:
	$(BIN)/zizmor --offline --no-progress --quiet .github
lint-ruff:
	$(BIN)/ruff check .
lint-format:
	$(BIN)/ruff format --check .

test: $(STAMP)   ## the quick tests, in parallel: no browser, no PowerShell, no programs that are started or killed
	$(BIN)/pytest -n $(QUICK) --dist worksteal --ignore=tests/page --ignore=tests/fleet -m "not slow and not pwsh"

near: $(STAMP)   ## the quick tests near the files that differ from main, by the imports; BASE=HEAD~3 compares with another commit
	@$(BIN)/python -m tests.near --base $(or $(BASE),main) -n $(QUICK) --dist worksteal -m "not slow and not pwsh"

bench: $(STAMP)  ## the measures of docs/performance.md
	$(BIN)/python -m tests.bench

chaos: $(STAMP)  ## 100 rounds of three copies over PostgreSQL that are harmed at random while people work; ROUNDS=5 plays fewer
	@$(BIN)/python -m tests.chaos --rounds $(or $(ROUNDS),100)

lock: $(STAMP)   ## resolve the newest versions anew into requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --generate-hashes --universal --python-version 3.11 \
		--no-emit-index-url --no-header --no-annotate --upgrade --quiet -o requirements.lock

clean:           ## forget the virtual environment and the caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
