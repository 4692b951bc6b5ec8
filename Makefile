# Every step a developer or CI takes is a target here; nothing is only in CI.
# `make run ARGS=...` and the like pass arguments on; VENV names another virtual environment;
# `make UV= ...` installs with plain pip although uv is there.

VENV ?= .venv
UV ?= $(shell command -v uv 2>/dev/null)
PYTHON := $(VENV)/bin/python
PYTHONS ?= python3 python3.14 python3.13 python3.12 python3.11
WORKERS ?= 2
BROWSERS ?= chromium chromium-browser google-chrome google-chrome-stable
COMPILE := pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --custom-compile-command 'make lock'

.DEFAULT_GOAL := help
.PHONY: help setup run migrate populate worker test browser check bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## create the virtual environment and install what is pinned

run: setup ## serve on 127.0.0.1:8501: own PostgreSQL, demo rows and a worker included
	@exec $(PYTHON) -m dashboard $(ARGS)

migrate: setup ## bring the database's own tables up to date
	@$(PYTHON) -m dashboard migrate $(ARGS)

populate: setup ## load seed rows, by default the demo
	@$(PYTHON) -m dashboard populate_db $(ARGS)

worker: setup ## run one more worker
	@exec $(PYTHON) -m dashboard worker $(ARGS)

# Whole files are shared out, as many tests of one file stand on the same server or the same browser.
test: $(VENV)/.installed-dev browser ## run every test, those in the browser included, in WORKERS processes
	@$(PYTHON) -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.installed-dev ## lint, format, types, import contracts
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(VENV)/bin/lint-imports

bench: $(VENV)/.installed-dev ## measure our own speed: ratios, taken in one run
	@$(PYTHON) -m tests.speed $(ARGS)

lock: ## pin requirements.in and requirements-dev.in anew (needs uv)
	@test -n "$(UV)" || { echo "make lock needs uv: https://docs.astral.sh/uv" >&2; exit 1; }
	"$(UV)" $(COMPILE) $(ARGS) requirements.in -o requirements.txt
	"$(UV)" $(COMPILE) $(ARGS) requirements-dev.in -o requirements-dev.txt

# The embedded server's binaries live in the virtual environment, so it stops before they go.
clean: ## remove the virtual environment and caches; the data stays
	@test ! -f $(VENV)/.installed || DATABASE_URL= $(PYTHON) -m dashboard db stop || true
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Your data stays in $${VECTORSCOPE_HOME:-.vectorscope}. To erase it: make setup && $(PYTHON) -m dashboard db erase"

$(VENV)/.installed: requirements.txt
	@$(call install,requirements.txt)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt
	@$(call install,requirements-dev.txt)
	@touch $@ $(VENV)/.installed

# A candidate is asked to run: a shim on the PATH may exist and still refuse.
define install
set -e; \
if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	for python in $(PYTHONS) none; do \
		$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	done; \
	test $$python != none || \
		{ echo "Vectorscope needs Python 3.11 or newer; found none of: $(PYTHONS)." >&2; exit 1; }; \
	echo "Creating $(VENV) with $$($$python --version)"; \
	if test -n "$(UV)"; then "$(UV)" venv --quiet --clear --python "$$(command -v $$python)" $(VENV); \
	else $$python -m venv --clear $(VENV); fi; \
fi; \
echo "Installing $(1); the first time this takes a minute or two"; \
if test -n "$(UV)"; then "$(UV)" pip install --quiet --python $(PYTHON) -r $(1); \
else \
	$(PYTHON) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m ensurepip >/dev/null; \
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r $(1); \
fi
endef

browser: $(VENV)/.installed-dev
	@for browser in $(BROWSERS); do command -v $$browser >/dev/null && exit 0; done; \
	$(PYTHON) -m playwright install chromium && exit 0; \
	test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq chromium && exit 0; \
	echo "There is no Chromium, and none could be installed; install one and run make test again." >&2; \
	test -z "$$CI"
