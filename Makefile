PYTHON ?= python3
VENV := .venv/bin

.PHONY: demo test test-browser install lint bench clean

## The whole loop on real clips, then the App on it. HEADLESS=1 stops before the App.
demo:
	$(PYTHON) scripts/install.py
	$(VENV)/python scripts/demo.py

## Everything that CI runs.
test:
	$(PYTHON) scripts/install.py --tests
	$(MAKE) --no-print-directory lint
	OMP_NUM_THREADS=1 $(VENV)/python -m pytest -n auto --maxprocesses 4 --dist loadgroup -m "not browser"

## The tests in headless Chromium, apart: the first one of a session is not reliable yet.
test-browser:
	$(PYTHON) scripts/install.py --tests
	$(VENV)/python -m pytest tests/browser

install:
	$(PYTHON) scripts/install.py

lint:
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/basedpyright --level error

## Ratios against named baselines, each measured in one run.
bench:
	for script in benchmarks/*.py; do $(VENV)/python $$script || exit 1; done

clean:
	rm -rf .demo .pytest_cache .ruff_cache
