# Everyday commands. `make` alone lists them; each first sets up what it needs in .venv.

PYTHON ?= python3
JOBS ?= 4
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input
UV := .make/uv/bin/uv
COMPILE := $(UV) pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url

# Where it is set, each of the many processes of a test would compile all of our modules anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo demo-orders demo-serve demo-telecom demo-telecom-serve up test test-all crash chaos bench bench-console bench-desk bench-parked bench-book bench-rehearsal rehearse-tariffs bench-payments \
	histories pictures screenshots check format lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-19s %s\n", $$1, $$2}' Makefile

setup: .venv/.dev ## create .venv and install everything, also for tests and checks

demo: .venv/.runtime ## bill one month for a dozen sample customers, in about a minute
	$(BIN)/python starter.py demo

demo-orders: .venv/.runtime ## a dozen orders, paid by three rails, from the shop to production
	$(BIN)/python starter.py demo --orders

demo-serve: .venv/.runtime ## the same, but stop in mid-month and keep the stack and its console up
	$(BIN)/python starter.py demo --serve

demo-telecom: .venv/.runtime ## a month of a small provider: connections, late payers, departments, works
	$(BIN)/python starter.py demo --telecom

demo-telecom-serve: .venv/.runtime ## the same, but stay up in mid-month with a task for each department
	$(BIN)/python starter.py demo --telecom --serve

up: .venv/.runtime ## run the whole embedded stack until Ctrl-C; keeps its data
	$(BIN)/python starter.py up

test: .venv/.dev ## run the tests, JOBS=4 at a time; of long suites today's share (pass options with ARGS="-k halt")
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --in-turns $(ARGS)

test-all: .venv/.dev ## run all tests, long suites whole
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -o run_limit=3600 $(ARGS)

crash: .venv/.dev ## kill the processes at every boundary of months and orders (or AT=charge_card)
	CRASH_AT="$(AT)" $(BIN)/python -m pytest tests/crash -s -o run_limit=10800

chaos: .venv/.runtime ## bill months while everything fails (SEED=7 CUSTOMERS=100 MONTHS=3)
	$(BIN)/python -m sandbox.chaos $(if $(SEED),--seed $(SEED)) $(if $(CUSTOMERS),--customers $(CUSTOMERS)) \
		$(if $(MONTHS),--months $(MONTHS))

bench: .make/bench/.installed ## how fast months are billed, beside bare workflows and DBOS (ARGS=--full, --json)
	@.make/bench/bin/python -m benchmarks $(ARGS)

bench-console: .venv/.runtime ## how fast the console lists 10,000 invoices (or ARGS="--customers 100000")
	$(BIN)/python -m benchmarks.lists.console_list $(ARGS)

bench-desk: .venv/.dev ## how fast departments get their lists of 1,000,000 tasks, beside an empty page (ARGS="--ledgers sqlite")
	$(BIN)/python -m benchmarks.lists.desk_lists $(ARGS)

bench-parked: .venv/.runtime ## what 10,000 waiting customers cost: to start, in memory, at a worker's restart
	$(BIN)/python -m benchmarks.customers.parked $(ARGS)

bench-book: .venv/.runtime ## coverage, export and lists of 10,000 and of 100,000 customers
	$(BIN)/python -m benchmarks.customers.whole_book $(ARGS)

bench-rehearsal: .venv/.dev ## how long it takes to rehearse a year of 500 customers (or ARGS="--customers 60")
	$(BIN)/python -m benchmarks.customers.rehearsal $(ARGS)

rehearse-tariffs: .venv/.dev ## rehearse a year of 200 subscribers, and compare it with a sum of our own (COUNT=20)
	REHEARSED=$(or $(COUNT),200) $(BIN)/python -m pytest tests/scenarios/test_rehearsal_tariffs.py -o run_limit=3600

bench-payments: .venv/.dev ## from payment to production (ARGS="--rate 20"), and how fast a bank is answered (BANK="--rate 100")
	$(BIN)/python -m benchmarks.money.payments $(ARGS)
	$(BIN)/python -m benchmarks.money.bank_calls $(BANK)

histories: .venv/.dev ## record the replay histories again; read CONTRIBUTING.md first
	$(BIN)/python -m tests.replay.record

pictures: .venv/pyvenv.cfg ## draw docs/pictures/*.svg again
	$(BIN)/python docs/pictures/draw.py
	for file in procedures/*.yaml; do name=$$(basename $$file .yaml); \
		$(BIN)/python starter.py procedures draw $$name --svg docs/pictures/$$name.svg || exit 1; done

screenshots: .venv/.dev ## take docs/images/*.png again, from a running demo, in Chromium
	$(BIN)/python docs/images/take.py

check: .venv/.dev ## lint, formatting, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.dev ## format the code and fix what ruff can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(UV) ## pin and hash the newest allowed dependencies in requirements*.txt
	$(COMPILE) --upgrade --output-file requirements.txt
	$(COMPILE) --upgrade --extra dev --constraints requirements.txt --output-file requirements-dev.txt
	$(COMPILE:pyproject.toml=benchmarks/months/peers/requirements.in) --upgrade --constraints requirements-dev.txt \
		--output-file benchmarks/months/peers/requirements.txt

clean: ## remove .venv and caches; data/ stays, it holds ledgers
	rm -rf .venv .make .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The demo installs only what it runs; tests and checks install the rest on top. A stamp file records which is there.
.venv/.runtime: requirements.txt .venv/pyvenv.cfg
	@echo "installing requirements.txt into .venv"
	@$(PIP) --require-hashes -r requirements.txt
	@touch $@

.venv/.dev: requirements-dev.txt .venv/pyvenv.cfg
	@echo "installing requirements-dev.txt into .venv"
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@ .venv/.runtime

# The benchmark's contenders stay out of .venv.
.make/bench/.installed: requirements.txt benchmarks/months/peers/requirements.txt | .venv/pyvenv.cfg
	@echo "installing requirements.txt and benchmarks/months/peers/requirements.txt into .make/bench"
	@$(PYTHON) -m venv .make/bench
	@for file in $(filter %.txt,$^); do \
	.make/bench/bin/python -m pip install -qq --disable-pip-version-check --no-input --require-hashes -r $$file \
	|| exit 1; done
	@touch $@

.venv/pyvenv.cfg:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install Python 3.11 to 3.14" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; (3, 11) <= v < (3, 15) or sys.exit( \
	"Python 3.11 to 3.14 is needed, $(PYTHON) is %d.%d: choose another with make PYTHON=python3.11 ..." % v[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	echo "$(PYTHON) cannot create virtual environments: on Debian, apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

$(UV):
	@$(PYTHON) -m venv .make/uv
	@.make/uv/bin/python -m pip install -qq --disable-pip-version-check uv
