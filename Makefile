# Every target sets up what it needs: `make test` in a fresh clone is enough. `make PYTHON=…` chooses the interpreter.

PYTHON ?=
# How many tests run at once. While one waits for the disk or for a process, another runs, even where there is one core.
WORKERS ?= $(shell $(bin)/python -c 'import os; print(min(max(os.cpu_count() or 1, 2), 4))')
bin := .venv/bin
installed := .venv/installed
# The peers that `make bench` measures beside are large, and nothing else needs them.
peers := tests/benchmarks/peers
peers_bin := .venv-bench/bin
peers_installed := .venv-bench/installed

.DEFAULT_GOAL := help
.PHONY: help demo test check bench soak schema clean

help: ## Say what each target does
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

demo: $(installed) ## Record a small support session and tell its story
	$(bin)/ledger demo

# Hundreds of processes start: what each would compile anew, the first one writes down, whatever the shell says.
test: export PYTHONDONTWRITEBYTECODE :=
# Files run side by side, and what is in one stays together: a page is read from top to bottom, a server serves a file.
test: $(installed) ## Run the whole test suite, the examples of the docs included
	$(bin)/python -m pytest --numprocesses $(WORKERS) --dist loadfile $(ARGS)

check: $(installed) ## Lint, types, layers, and the examples of the docs
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy --strict
	$(bin)/lint-imports --no-logo
	$(bin)/python -m pytest --quiet README.md docs

bench: $(installed) $(peers_installed) ## Measure beside the bare driver and what users run instead (ARGS=--quick)
	$(bin)/python -m tests.benchmarks $(ARGS)

soak: $(installed) ## Run for minutes what the suite runs for seconds
	$(bin)/python -m pytest -m soak

schema: $(installed) ## Write the scripts of the schema anew, after a migration was added
	$(bin)/python -m tests.schema_scripts

clean: ## Remove what the targets made
	rm -rf .venv .venv-bench build dist htmlcov .coverage .coverage.* demo.db demo.db-shm demo.db-wal
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The packages are installed as a path to this checkout, so only these two files can make an installation stale.
$(installed): pyproject.toml constraints.txt
	@found=; for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "sessionledger needs Python 3.11 or later, and $(or $(PYTHON),python3) is $$($(or $(PYTHON),python3) -V 2>&1)." >&2; \
		echo "Install one, or name one: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; \
	fi; \
	if ! $(bin)/python -c '' 2>/dev/null; then \
		echo "Making .venv with $$("$$found" -V)"; \
		"$$found" -m venv --clear .venv || { echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }; \
	fi
	@echo "Installing what constraints.txt pins into .venv (once)"
	@$(bin)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

# Without a network there are no peers: the benchmark says so, and measures the ledger and the floor all the same.
$(peers_installed): $(peers)/requirements.txt $(peers)/constraints.txt | $(installed)
	@echo "Installing the peers of the benchmark into .venv-bench (once)"
	@{ $(bin)/python -m venv --clear .venv-bench \
		&& $(peers_bin)/python -m pip install -qq --disable-pip-version-check \
			--constraint $(peers)/constraints.txt --requirement $(peers)/requirements.txt \
		&& touch $@; } \
	|| { rm -rf .venv-bench; echo "The peers could not be installed, so the benchmark runs without them." >&2; }
