# `make` or `make help` lists the targets.
#
# Targets that need the environment make it in .venv, and make it again when pyproject.toml or
# constraints.txt change. PYTHON=/path/to/python3 chooses its interpreter.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --constraint constraints.txt --build-constraint constraints.txt
PYTHON ?=
PORT ?=
# Passed through the environment, so that the shell does not interpret the & and ? of an address.
export URL ?=
ARGS ?=
# Two for each processor, as many tests mostly wait. Four at most: more gains little, since the tests start servers of
# their own.
TEST_PROCESSES ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); \
	if [ "$$n" -gt 1 ]; then echo 4; else echo 2; fi)
# The tests start some hundreds of interpreters; without bytecode files each would compile everything again.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: serve
serve: $(VENV)/.installed ## start Libra on http://127.0.0.1:8000 (PORT=9000, ARGS="--ttl 1h")
	@exec $(BIN)/libra serve $(if $(PORT),--port $(PORT)) $(ARGS)

.PHONY: cluster
cluster: $(VENV)/.dev ## start a whole cluster on loopback: 3 NATS servers, PostgreSQL, 2 web nodes, 5 inspectors
	@PYTHONPATH=tests exec $(BIN)/python scripts/cluster.py $(ARGS)

.PHONY: weigh
weigh: $(VENV)/.installed ## weigh a page once: make weigh URL=https://example.com (ARGS="--format json")
	@set -f; if [ -z "$$URL" ]; then echo 'Say what to weigh: make weigh URL=https://example.com' >&2; exit 2; fi; \
	exec $(BIN)/libra weigh $(ARGS) -- $$URL

.PHONY: test
test: $(VENV)/.dev programs ## run all tests except those of make chaos (ARGS=tests/unit for some of them)
	@exec $(PYTEST) -m "not chaos and not soak" -n $(TEST_PROCESSES) --dist worksteal $(ARGS)

# Drills that measure how fast Libra is run one after the other, with nothing beside them; then come the patient ones,
# which mostly wait. pytest ends with 2 if it is interrupted, and with 5 if it finds none: ARGS may choose none of a
# kind, but without ARGS there are drills of both.
.PHONY: chaos
chaos: $(VENV)/.dev programs ## break what Libra depends on, under load (ARGS="-k sqlite" for some of the drills)
	@alone=0; $(PYTEST) -m "chaos and not patient" $(ARGS) || alone=$$?; if [ $$alone = 2 ]; then exit 2; fi; \
	patient=0; $(PYTEST) -m "chaos and patient" -n $(TEST_PROCESSES) --dist worksteal $(ARGS) || patient=$$?; \
	none=$(if $(strip $(ARGS)),5,no); if [ $$alone = $$none ]; then exit $$patient; fi; \
	if [ $$patient = $$none ]; then exit $$alone; fi; exit $$((alone | patient))

.PHONY: lint
lint: $(VENV)/.dev ## check style, formatting and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml

.PHONY: types
types: $(VENV)/.dev ## check the types, strictly
	$(BIN)/mypy --strict

.PHONY: format
format: $(VENV)/.dev ## format the code and apply ruff's automatic fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: bench
bench: $(VENV)/.dev ## measure Libra beside its peers and print the ratios
	@PYTHONPATH=tests exec $(BIN)/python -m benchmarks $(ARGS)

.PHONY: accuracy
accuracy: $(VENV)/.dev ## compare both methods with what a browser fetched: make accuracy CORPUS=folder
	@if [ -z "$(CORPUS)" ]; then echo 'Say where the recorded pages are: make accuracy CORPUS=folder' >&2; exit 2; fi; \
	exec $(BIN)/python -m benchmarks.accuracy $(CORPUS) $(ARGS)

.PHONY: docs
docs: $(VENV)/.installed ## build the documentation into site/
	@$(INSTALL) --group docs
	@# Without --quiet, which would hide the warnings that --strict fails on.
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

.PHONY: dist
dist: $(VENV)/.installed ## build the wheel and the source package into dist/, and check both
	@$(INSTALL) --group release
	@rm -rf dist
	@PIP_CONSTRAINT=$(CURDIR)/constraints.txt $(BIN)/python -m build --outdir dist . >/dev/null
	@$(BIN)/twine check --strict dist/*
	@$(BIN)/python scripts/check_dist.py dist

# Not part of `make test`, because it makes the tests half as slow again.
.PHONY: coverage
coverage: $(VENV)/.dev programs ## report the lines and branches that no test runs (htmlcov/ shows them)
	@$(INSTALL) --group coverage
	@$(BIN)/coverage erase
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/coverage run -m pytest -m "not chaos and not soak" -n $(TEST_PROCESSES) --dist worksteal $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage html --quiet
	@$(BIN)/coverage report

.PHONY: soak
soak: $(VENV)/.dev ## break what Libra depends on, at random, for as long as asked (ARGS="--minutes 30 --seed 7")
	@PYTHONPATH=tests exec $(BIN)/python -m chaos.soak $(ARGS)

.PHONY: soak-cluster
soak-cluster: $(VENV)/.dev ## break a cluster in every known way, one after the other (ARGS="--seed 7 --each")
	@PYTHONPATH=tests exec $(BIN)/python -m chaos.cluster.drill $(ARGS)

.PHONY: soak-records
soak-records: $(VENV)/.dev ## a hundred thousand pages in the engine of a cluster
	@exec $(PYTEST) -m soak $(ARGS)

.PHONY: differential
differential: $(VENV)/.dev programs ## compare static weighing with Chromium on made-up pages (ARGS="--area css --seed 7 --cases 2000")
	@PYTHONPATH=tests exec $(BIN)/python -m differential $(ARGS)

# The programs that the tests start and that no wheel contains. tests/support/needs.py lists them, and the
# tests name those that are still missing. apt-get installs them one by one: a package that the distribution
# does not have would keep the others from being installed. RUNLEVEL=1 keeps their services from starting.
.PHONY: programs
programs: $(VENV)/.dev
	@packages=$$(PYTHONPATH=tests $(BIN)/python -m support.needs); \
	if [ -z "$$packages" ] || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then exit 0; fi; \
	echo "Installing $$packages for the tests" >&2; \
	said=$$(mktemp); \
	apt-get update -qq -o DPkg::Lock::Timeout=120 >"$$said" 2>&1 </dev/null; \
	for package in $$packages; do \
		RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=120 --no-install-recommends $$package \
			>"$$said" 2>&1 </dev/null || { echo "$$package could not be installed:" >&2; tail -n 3 "$$said" >&2; }; \
	done; \
	rm -f "$$said"

.PHONY: clean
clean: ## remove the environment and every cache
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist site htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment ---------------------------------------------------------------------------

# The first interpreter that is new enough and can make an environment, or an error that names what is missing.
define FIND_PYTHON
suits() { "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }; \
makes() { "$$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }; \
python=; old=; bare=; \
for candidate in $(if $(PYTHON),'$(PYTHON)',python3 python3.14 python3.13 python3.12 python3.11 python); do \
	command -v "$$candidate" >/dev/null 2>&1 || continue; \
	if ! suits "$$candidate"; then old="$$candidate"; \
	elif ! makes "$$candidate"; then bare="$$candidate"; \
	else python="$$candidate"; break; fi; \
done; \
if [ -z "$$python" ]; then \
	if [ -n "$$bare" ]; then \
		echo "$$bare cannot make environments: install its venv module (on Debian: apt-get install python3-venv)." >&2; \
	elif [ -n "$$old" ]; then \
		echo "Libra needs Python 3.11 or newer and found $$("$$old" --version 2>&1 | head -n 1)." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3" >&2; \
	else \
		echo "Libra needs Python 3.11 or newer and found none$(if $(PYTHON), at $(PYTHON))." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3" >&2; \
	fi; \
	exit 1; \
fi
endef

# Always made from scratch: that is simpler than repairing an environment whose interpreter is gone or
# that holds packages which are no longer listed. The upgraded pip supports dependency groups.
$(VENV)/.made: pyproject.toml constraints.txt
	@$(FIND_PYTHON); \
	echo "Making $(VENV) with $$("$$python" --version)" >&2; \
	rm -rf $(VENV) && "$$python" -m venv $(VENV)
	@$(PIP) install --quiet --constraint constraints.txt --upgrade pip
	@touch $@

$(VENV)/.installed: $(VENV)/.made
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	@$(INSTALL) --group dev
	@touch $@
