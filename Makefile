# make demo   the whole product on made-up customers, at 127.0.0.1:8080   (options: make demo ARGS='--port 9000')
# make test   everything that says whether the product is sound: check, then the tests   (options: ARGS='-k spine')
# make check  lint, format, types, floors
# make bench  how fast, and how well: ratios measured side by side in one run (bench/README.md), in under ten minutes;
#             make bench SIZE=full: with the numbers that the goals speak of, in hours rather than minutes
# make lock   resolve the dependencies anew and write requirements/*.txt: names, versions, hashes, no address
# make clean  remove what the other targets made
#
# Needs Python 3.11 or later with pip and venv, and make; nothing has to be activated. Another Python: make PYTHON=python3.13 demo

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -qq
ARGS   ?=
SIZE   ?= small

# A stamp is the last thing its recipe writes, so a half-made environment has none and is made again.
SERVER  := $(VENV)/.server-installed
PACKAGE := $(VENV)/.package-installed
DEV     := $(VENV)/.dev-installed

.DELETE_ON_ERROR:
.PHONY: demo test check bench lock clean

demo: $(PACKAGE)
	@$(BIN)/huaxiang demo $(ARGS)

test: check
	@$(BIN)/python -m pytest $(ARGS)

check: $(DEV) $(PACKAGE)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { $(BIN)/ruff format --check .; exit 1; }
	@$(BIN)/pyright
	@floors=$$($(BIN)/lint-imports --no-cache) || { echo "$$floors"; exit 1; }

bench: $(DEV) $(PACKAGE)
	@$(BIN)/python bench/weld.py $(if $(filter full,$(SIZE)),,5000)
	@$(BIN)/python bench/suggest.py $(if $(filter full,$(SIZE)),,--customers 50000 --hard 10000)
	@$(BIN)/python bench/rules.py
	@$(BIN)/python bench/run.py --size $(SIZE)

# What the product runs on, from the lock alone: made afresh, so that nothing is left of an older lock.
$(SERVER): requirements/server.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Huaxiang needs Python 3.11 or later, and $(PYTHON) is " + sys.version.split()[0])'
	@echo "Installing what the server needs into $(VENV) (under a minute, once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --require-hashes -r requirements/server.txt
	@touch $@

# The package itself, from this folder; what builds it is in the lock, so nothing more is looked for.
$(PACKAGE): $(SERVER) pyproject.toml
	@$(PIP) install --no-index --no-deps --no-build-isolation -e .
	@touch $@

# What checks and tests it, on top: the lock is a superset of the server's, with the same versions.
$(DEV): $(SERVER) requirements/dev.txt
	@echo "Installing what checks and tests it into $(VENV) (under a minute, once)"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# --no-config and the default index: a lock must not depend on the settings of the machine that wrote it.
# The old locks steer the new ones, so that a version moves only when asked: make lock ARGS=--upgrade
UV_COMPILE := env -u UV_INDEX -u UV_DEFAULT_INDEX -u UV_INDEX_URL -u UV_EXTRA_INDEX_URL -u UV_FIND_LINKS \
	$(BIN)/uv pip compile pyproject.toml --quiet --no-config --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

# A lock that comes out as it was stays untouched, so that nothing is installed again for it.
lock: $(DEV)
	@cp requirements/server.txt requirements/dev.txt $(VENV)
	@$(UV_COMPILE) --extra server --group build $(ARGS) -o $(VENV)/server.txt
	@cmp -s $(VENV)/server.txt requirements/server.txt || cp $(VENV)/server.txt requirements/server.txt
	@$(UV_COMPILE) --extra server --extra suggest --group build --group dev -c requirements/server.txt $(ARGS) -o $(VENV)/dev.txt
	@cmp -s $(VENV)/dev.txt requirements/dev.txt || cp $(VENV)/dev.txt requirements/dev.txt
	@if grep -n '://' requirements/*.txt; then echo 'A lock file holds an address.' >&2; exit 1; fi

clean:
	@rm -rf $(VENV) dist build .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
