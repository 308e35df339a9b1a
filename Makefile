# make demo and make test set themselves up: they need Python 3.11 or newer, make, and the package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DEMO := build/demo
TILES := vegas_pan vegas_utm

# The stamps say what the environment holds. It follows a few parts of pyproject.toml alone: a change of ruff's settings
# installs nothing. `make clean` starts anew.
VENV_STAMP := $(VENV)/.stamp-venv
DEMO_STAMP := $(VENV)/.stamp-runtime
TEST_STAMP := $(VENV)/.stamp-dev
DEPENDENCIES := $(VENV)/.dependencies

# Fast tests share the processors; slow ones start processes of their own, kill them and look at the clock.
FAST := $(BIN)/python -m pytest -m "not slow" -n auto --dist worksteal
SLOW := $(BIN)/python -m pytest -m slow
COVERAGE := --cov=road_extract --cov-report=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo check test lint types layers fast hooks format qgis qgis-plugin clean

help:
	@echo "make demo    extract the roads of both sample tiles into $(DEMO)/"
	@echo "make check   lint, types, layers and the fast tests: before you commit"
	@echo "make test    lint, types, layers and all tests, with their coverage"
	@echo "make lint, make types, make layers, make fast: one part of make check"
	@echo "make format  put the code into ruff's format, with its safe fixes"
	@echo "make hooks   let git run ruff and the layers before each commit"
	@echo "make qgis    write what the QGIS plugin and script take from the package"
	@echo "make qgis-plugin  pack the QGIS plugin into build/road_extract_qgis.zip"
	@echo "make clean   remove $(VENV)/, build/, dist/ and the caches"
	@echo "Another Python: make test PYTHON=python3.12"

demo: $(DEMO_STAMP)
	@mkdir -p $(DEMO)
	@set -e; for tile in $(TILES); do \
		echo "== $$tile"; \
		$(BIN)/road-extract extract "sample_tiles/$$tile.tif" "$(DEMO)/$$tile.geojson" --overwrite; \
		$(BIN)/road-extract preview "sample_tiles/$$tile.tif" "$(DEMO)/$$tile.geojson" "$(DEMO)/$$tile.png" --overwrite; \
	done
	@echo "The roads, and pictures of them over the scenes:"
	@ls -1 $(foreach tile,$(TILES),$(DEMO)/$(tile).geojson $(DEMO)/$(tile).png)

check: lint types layers fast

test: lint types layers
	$(FAST) $(COVERAGE)
	$(SLOW) $(COVERAGE) --cov-append
	$(BIN)/coverage report --skip-covered --sort=cover

lint: $(TEST_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TEST_STAMP)
	$(BIN)/mypy --strict

layers: $(TEST_STAMP)
	$(BIN)/lint-imports

fast: $(TEST_STAMP)
	$(FAST)

hooks: $(TEST_STAMP)
	$(BIN)/pre-commit install

format: $(TEST_STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

qgis: $(TEST_STAMP)
	$(BIN)/python qgis/generate.py

# Of the standard library only: no environment is needed.
qgis-plugin:
	@"$(PYTHON)" qgis/build_plugin.py

clean:
	rm -rf $(VENV) build dist .coverage .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find road_extract tests sample_tiles -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV_STAMP):
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "road_extract needs Python 3.11 or newer, and '$(PYTHON)' is not: name one with PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' lacks the venv module: install it (Debian, Ubuntu: the package python3-venv)." >&2; exit 1; }
	@echo "Making $(VENV) ..."
	@"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@

# Keeps its time where nothing has changed, so that nothing is installed.
$(DEPENDENCIES): pyproject.toml $(VENV_STAMP)
	@$(BIN)/python -c 'import json, tomllib; \
		project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
		names = ("version", "requires-python", "dependencies", "optional-dependencies", "scripts"); \
		print(json.dumps({name: project[name] for name in names}, indent=1))' > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(DEMO_STAMP): $(DEPENDENCIES)
	@echo "Installing road_extract (TensorFlow is large: minutes) ..."
	@$(PIP) install --editable .
	@touch $@

# What the tests need holds what the demo needs.
$(TEST_STAMP): $(DEPENDENCIES)
	@echo "Installing road_extract and its checks (TensorFlow is large: minutes) ..."
	@$(PIP) install --editable '.[dev]'
	@touch $(DEMO_STAMP) $@
