# Set-up is part of every target: a virtual environment with the locked versions.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup experiment characters build test test-all attack lint site book results bench wheel lock clean

# What every command on the site needs but those that name their own; into .venv/.
setup: $(VENV)/dev.stamp

# Train, evaluate and plot; into results/.
experiment: $(VENV)/experiment.stamp
	$(BIN)/python -m docs.sinusoid --resume

# The same on images of characters; networks that are not in generated/ are derived on the way.
characters: $(VENV)/dev.stamp
	$(BIN)/python -m docs.characters --resume

# Derive everything again; into generated/.
build: $(VENV)/dev.stamp
	$(BIN)/python derive/build.py

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest

# The same with PyTorch, JAX, autograd and higher installed: without them some tests are skipped.
test-all: $(VENV)/bench.stamp test

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy derive generated docs tests
	$(BIN)/lint-imports --no-cache

# Build the site, strict; into site/. On one machine, the same commit gives the same bytes.
# SITE_URL is where it will be served from; OFFLINE=true makes one that opens from disk.
site: $(VENV)/dev.stamp
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct || echo 0) NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Print the site as one page and as a PDF, with chapters as notebooks; into book/. Needs Chromium.
book: site
	$(BIN)/python -m docs.render.book
	$(BIN)/python -m docs.render.notebook --out book

# Make the results that the site shows; into docs/sinusoid/, docs/play/, and the card from them. Nearly three hours, resumable.
results: $(VENV)/dev.stamp
	$(BIN)/python -m docs.sinusoid.results
	$(BIN)/python -m docs.sinusoid.cost --out docs/sinusoid/results/cost.json
	$(BIN)/python -m docs.sinusoid.sweep.scaling --out docs/sinusoid/results/scaling.json
	$(BIN)/python -m docs.play.weights
	$(BIN)/python -m docs.play.figures
	$(BIN)/python -m docs.render.card

# Attack the commands: damaged files, kills, random command lines; the counts into docs/attack.json. A quarter of an hour.
attack: $(VENV)/dev.stamp
	$(BIN)/python -m tests.attack

# Time it against JAX, PyTorch and autograd; into docs/speed/. About ten minutes.
bench: $(VENV)/dev.stamp $(VENV)/bench.stamp
	$(BIN)/python -m tests.benchmark
	$(BIN)/python -m tests.benchmark.native
	$(BIN)/python -m tests.benchmark.javascript
	$(BIN)/python -m tests.benchmark.figures

# What pip installs, and with it the command maml-derived; into dist/.
wheel: $(VENV)/dev.stamp
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

# Resolve the newest versions that pyproject.toml allows.
COMPILE = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
	--custom-compile-command "make lock" pyproject.toml

lock: $(VENV)/dev.stamp
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --extra experiment --output-file requirements/experiment.txt
	$(COMPILE) --extra experiment --extra derive --group dev --output-file requirements/dev.txt
	$(COMPILE) --group bench --output-file requirements/bench.txt

clean:
	rm -rf $(VENV) book dist site results .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# The environment of one minor version of Python; the last thing that is written is its stamp.
VERSION := import sys; print("%d.%d" % sys.version_info[:2])
MADE := $(VENV)/python-$(shell $(PYTHON) -c '$(VERSION)').stamp

# What pip was installing when it was ended may be half there, and pip would not see it. Then, for
# another version of Python, and where the interpreter has moved away, no stamp counts and the
# environment is made anew.
RUNS := $(VENV)/python-$(shell test ! -e $(BIN)/python || $(BIN)/python -c '$(VERSION)').stamp
ANEW := $(shell test -e $(MADE) -a $(RUNS) = $(MADE) -a ! -e $(VENV)/installing || rm -f $(VENV)/*.stamp)

$(MADE):
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv --clear $(VENV)
	touch $@

# PyTorch has another wheel for every platform, so there is no hash of it; higher would ask for any.
$(VENV)/bench.stamp: requirements/bench.txt | $(MADE)
	touch $(VENV)/installing
	$(BIN)/python -m pip install --quiet --require-hashes --requirement $<
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --no-deps higher==0.2.1
	rm $(VENV)/installing
	touch $@

$(VENV)/%.stamp: requirements/%.txt | $(MADE)
	touch $(VENV)/installing
	$(BIN)/python -m pip install --quiet --require-hashes --requirement $<
	rm $(VENV)/installing
	touch $@
