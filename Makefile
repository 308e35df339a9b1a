# make demo and make test set up their own environment. They need Python 3.11 or newer, make, and access to PyPI.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DEMO := build/demo
TILES := vegas_pan vegas_utm

# The stamps record what is installed. Only a few parts of pyproject.toml affect them, so changing ruff's settings does
# not reinstall anything. `make clean` starts over.
VENV_STAMP := $(VENV)/.stamp-venv
DEMO_STAMP := $(VENV)/.stamp-runtime
TEST_STAMP := $(VENV)/.stamp-dev
DEPENDENCIES := $(VENV)/.dependencies

# One process per core, each with whole files, because the tests of a file share costly fixtures; tests/conftest.py puts
# those with slow tests first.
TESTS := $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder
COVERAGE := --cov=road_extract --cov-report=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo check test lint types layers fast docs hooks format qgis qgis-bundle qgis-plugin qgis-release release clean

help:
	@echo "make demo          extract roads from both sample tiles into $(DEMO)/"
	@echo "make check         check style, types and layers, and run the fast tests; use it before you commit"
	@echo "make test          check style, types and layers, run all tests, and report coverage"
	@echo "make lint, make types, make layers, make fast: the parts of make check"
	@echo "make docs          build the documentation site: build/site/index.html"
	@echo "make format        format the code and apply safe fixes (ruff)"
	@echo "make hooks         install git hooks that check style and layers before each commit"
	@echo "make qgis          regenerate the files that the QGIS plugin and script take from the package"
	@echo "make qgis-plugin   build the QGIS plugin: build/road_extract_qgis.zip"
	@echo "make qgis-release  build the plugin for plugins.qgis.org (needs the contact details in pyproject.toml)"
	@echo "make qgis-bundle   collect the wheels for installation without a network: build/road_extract_wheels/"
	@echo "make release       build and check everything that a release consists of, in dist/"
	@echo "make clean         remove $(VENV)/, build/, dist/ and caches"
	@echo "To use another Python: make test PYTHON=python3.12"

demo: $(DEMO_STAMP)
	@mkdir -p $(DEMO)
	@set -e; for tile in $(TILES); do \
		echo "== $$tile"; \
		$(BIN)/road-extract extract "sample_tiles/$$tile.tif" "$(DEMO)/$$tile.geojson" --overwrite; \
		$(BIN)/road-extract preview "sample_tiles/$$tile.tif" "$(DEMO)/$$tile.geojson" "$(DEMO)/$$tile.png" --overwrite; \
	done
	@echo "Roads, and pictures of the roads over their scenes:"
	@ls -1 $(foreach tile,$(TILES),$(DEMO)/$(tile).geojson $(DEMO)/$(tile).png)

check: lint types layers fast

test: lint types layers
	$(TESTS) $(COVERAGE)
	$(BIN)/coverage report --skip-covered --sort=cover

lint: $(TEST_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TEST_STAMP)
	$(BIN)/mypy --strict

layers: $(TEST_STAMP)
	$(BIN)/lint-imports

fast: $(TEST_STAMP)
	$(TESTS) -m "not slow"

# Strict: a warning, such as a broken link, is a failure (but with --quiet, MkDocs does not count them). The tests of the site build it as well.
docs: $(TEST_STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build
	@echo "Open build/site/index.html in a browser."

hooks: $(TEST_STAMP)
	$(BIN)/pre-commit install

format: $(TEST_STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

qgis: $(TEST_STAMP)
	$(BIN)/python qgis/generate.py
	$(BIN)/python qgis/translate.py

# The wheels of everything but TensorFlow: for the Python named by PYTHON, which needs pip.
qgis-bundle:
	@"$(PYTHON)" qgis/build_bundle.py

# Uses only the standard library, so no environment is needed.
qgis-plugin:
	@"$(PYTHON)" qgis/build_plugin.py --local

# Refused until pyproject.toml names the owner's address and pages.
qgis-release:
	@"$(PYTHON)" qgis/build_plugin.py

# Builds twice, compares, checks, and tries the wheel in a clean environment, which takes minutes.
release: $(TEST_STAMP)
	$(BIN)/python packaging/release.py

clean:
	rm -rf $(VENV) build dist .coverage .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find road_extract tests sample_tiles -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV_STAMP):
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "'$(PYTHON)' is not Python 3.11 or newer, which road_extract needs: set PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' has no venv module: install it (on Debian and Ubuntu, the package python3-venv)." >&2; exit 1; }
	@echo "Creating $(VENV) ..."
	@"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@

# Keeps its modification time if nothing has changed, so that nothing is installed again.
$(DEPENDENCIES): pyproject.toml $(VENV_STAMP)
	@$(BIN)/python -c 'import json, tomllib; \
		project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
		names = ("version", "requires-python", "dependencies", "optional-dependencies", "scripts"); \
		print(json.dumps({name: project[name] for name in names}, indent=1))' > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(DEMO_STAMP): $(DEPENDENCIES)
	@echo "Installing road_extract (this takes minutes, because TensorFlow is large) ..."
	@$(PIP) install --editable .
	@touch $@

# The test dependencies include those of the demo.
$(TEST_STAMP): $(DEPENDENCIES)
	@echo "Installing road_extract and its test tools (this takes minutes, because TensorFlow is large) ..."
	@$(PIP) install --editable '.[dev]'
	@touch $(DEMO_STAMP) $@
