# make demo and make test set themselves up: they need Python 3.11 or newer, make, and the package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DEMO := build/demo
TILES := vegas_pan vegas_utm

# The stamps say what the environment holds. A newer pyproject.toml starts it anew, so that nothing stale stays behind.
VENV_STAMP := $(VENV)/.stamp-venv
DEMO_STAMP := $(VENV)/.stamp-runtime
TEST_STAMP := $(VENV)/.stamp-dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test format qgis qgis-bundle qgis-plugin qgis-release clean

help:
	@echo "make demo    extract the roads of both sample tiles into $(DEMO)/"
	@echo "make test    lint, types, layers and all tests"
	@echo "make format  put the code into ruff's format, with its safe fixes"
	@echo "make qgis    write what the QGIS plugin and script take from the package"
	@echo "make qgis-plugin  pack the QGIS plugin into build/road_extract_qgis.zip"
	@echo "make qgis-release  the same for plugins.qgis.org, which wants an address and pages"
	@echo "make qgis-bundle  write the wheels for QGIS without a network into build/road_extract_wheels/"
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

test: $(TEST_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

format: $(TEST_STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

qgis: $(TEST_STAMP)
	$(BIN)/python qgis/generate.py
	$(BIN)/python qgis/translate.py

# The wheels of everything but TensorFlow: for the Python named by PYTHON, which needs pip.
qgis-bundle:
	@"$(PYTHON)" qgis/build_bundle.py

# Of the standard library only: no environment is needed.
qgis-plugin:
	@"$(PYTHON)" qgis/build_plugin.py --local

# Refused until pyproject.toml names the owner's address and pages.
qgis-release:
	@"$(PYTHON)" qgis/build_plugin.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find road_extract tests sample_tiles -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV_STAMP): pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "road_extract needs Python 3.11 or newer, and '$(PYTHON)' is not: name one with PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' lacks the venv module: install it (Debian, Ubuntu: the package python3-venv)." >&2; exit 1; }
	@echo "Making $(VENV) ..."
	@"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@

$(DEMO_STAMP): $(VENV_STAMP)
	@echo "Installing road_extract (TensorFlow is large: minutes) ..."
	@$(PIP) install --editable .
	@touch $@

# What the tests need holds what the demo needs.
$(TEST_STAMP): $(VENV_STAMP)
	@echo "Installing road_extract and its checks (TensorFlow is large: minutes) ..."
	@$(PIP) install --editable '.[dev]'
	@touch $(DEMO_STAMP) $@
