# Every target prepares .venv by itself; the second time that costs a stat.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
NOW    ?= $(shell date -u +%Y-%m-%dT%H:%M:%SZ)

.DEFAULT_GOAL := help
.PHONY: help pilot test quick lint types contracts conformance proof docs serve lock bench trees clean

help: ## say what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

# uv installs in seconds where it is present; pip needs under a minute. Both check every hash. The lock
# file names all there is to install: pip would look for a newer release of what an extra is asked of.
$(READY): requirements.lock pyproject.toml
	@rm -rf $(VENV)
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --python $(PYTHON) $(VENV) && \
	  uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
	  echo "preparing $(VENV) with pip (about a minute, once)" >&2 && \
	  $(PYTHON) -m venv $(VENV) && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
	fi
	@touch $@

pilot: $(READY) ## a smoke run from the firing to the bundle, on the embedded fleet
	@$(BIN)/kaizen-agentic schedule pilot --record pilot-record.jsonl

test: lint types ## lint, types and every test
	@$(BIN)/python -m coverage erase
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal --cov --cov-report=term

quick: $(READY) ## the tests without the slow ones
	@$(BIN)/python -m pytest -q -n 2 -m "not slow and not network"

lint: $(READY) ## ruff, style and format
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check .

types: $(READY) ## mypy, strict
	@$(BIN)/mypy --no-error-summary

contracts: $(READY) ## write every document that is generated from the models
	@$(BIN)/python -m kaizen_schedule.api.regenerate docs
	@$(BIN)/python -m kaizen_schedule.api.report_pages docs/notebooks

conformance: $(READY) ## prove the handoff on a real engine, on loopback: two minutes
	@$(BIN)/python -m pytest -q -n 3 --dist worksteal --proof compare conformance

proof: $(READY) ## the same, and publish what it showed as a page of the site
	@$(BIN)/python -m pytest -q -n 3 --dist worksteal --proof publish conformance

docs: $(READY) ## build the site into site/; a broken link ends it
	@$(BIN)/kaizen-agentic contract export docs --check
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

serve: $(READY) ## serve the site on this machine, and build it again when a page changes
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve --livereload

lock: ## pin and hash every requirement again (needs uv)
	@uv pip compile -q pyproject.toml --all-extras --group test --group lint --group docs --group engine --group peers \
	  --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-annotate --no-header -o requirements.lock $(LOCKFLAGS)

bench: $(READY) ## ratios against peers, in one run
	@$(BIN)/python benchmarks/startup.py
	@$(BIN)/python benchmarks/fleet.py
	@$(BIN)/python benchmarks/resolve.py

trees: $(READY) ## opt real third-party source trees in, validate and prepare them
	@$(BIN)/python -m pytest -q -m network

clean: ## remove what was made here
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* pilot-record.jsonl dist build site
