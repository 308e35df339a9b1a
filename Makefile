# make demo and make test set up their own environment. They need Python 3.11 or newer, make, and access to PyPI.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DEMO := build/demo
TILES := vegas_pan vegas_utm

# The stamps record what is installed. If pyproject.toml is newer, the environment is recreated from scratch.
VENV_STAMP := $(VENV)/.stamp-venv
DEMO_STAMP := $(VENV)/.stamp-runtime
TEST_STAMP := $(VENV)/.stamp-dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test format qgis qgis-plugin clean

help:
	@echo "make demo         extract roads from both sample tiles into $(DEMO)/"
	@echo "make test         check style, types and layers, and run all tests"
	@echo "make format       format the code and apply safe fixes (ruff)"
	@echo "make qgis         regenerate the files that the QGIS plugin and script take from the package"
	@echo "make qgis-plugin  build the QGIS plugin: build/road_extract_qgis.zip"
	@echo "make clean        remove $(VENV)/, build/, dist/ and caches"
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

# Uses only the standard library, so no environment is needed.
qgis-plugin:
	@"$(PYTHON)" qgis/build_plugin.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find road_extract tests sample_tiles -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV_STAMP): pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "'$(PYTHON)' is not Python 3.11 or newer, which road_extract needs: set PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' has no venv module: install it (on Debian and Ubuntu, the package python3-venv)." >&2; exit 1; }
	@echo "Creating $(VENV) ..."
	@"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@

$(DEMO_STAMP): $(VENV_STAMP)
	@echo "Installing road_extract (this takes minutes, because TensorFlow is large) ..."
	@$(PIP) install --editable .
	@touch $@

# The test dependencies include those of the demo.
$(TEST_STAMP): $(VENV_STAMP)
	@echo "Installing road_extract and its test tools (this takes minutes, because TensorFlow is large) ..."
	@$(PIP) install --editable '.[dev]'
	@touch $(DEMO_STAMP) $@
