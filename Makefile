PYTHON ?= python3
VENV := .venv/bin

.PHONY: demo test install lint audit compat lock robustness bench clean

## The whole loop on real clips, then the App on it. HEADLESS=1 stops before the App.
demo:
	$(PYTHON) scripts/install.py
	$(VENV)/python scripts/demo.py

## Everything that CI runs, the App in headless Chromium included.
test:
	$(PYTHON) scripts/install.py --tests
	$(MAKE) --no-print-directory lint
	OMP_NUM_THREADS=1 $(VENV)/python -m pytest -n auto --maxprocesses 4 --dist loadgroup --durations=15

install:
	$(PYTHON) scripts/install.py

lint:
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/basedpyright --level error

## Known vulnerabilities of the locked packages; fails where the database cannot be asked.
audit:
	$(PYTHON) -m venv .audit
	.audit/bin/pip install --quiet --disable-pip-version-check pip-audit
	.audit/bin/pip-audit --strict --require-hashes --disable-pip -r requirements.lock -r requirements-test.lock

## The locks with hashes; UPGRADE=1 takes the newest versions that the requirements allow.
lock:
	$(PYTHON) scripts/lock.py $(if $(UPGRADE),--upgrade)

## The plugin on the oldest and the newest FiftyOne that fiftyone.yml promises.
compat:
	$(VENV)/python scripts/compat.py

## Hostile files and killed processes, the long form (docs/robustness.md).
robustness:
	MEDIA_FORENSICS_FULL=1 MEDIA_FORENSICS_SEEDS=$${MEDIA_FORENSICS_SEEDS:-50} $(VENV)/python -m pytest tests/robustness \
		tests/detector/test_extract_processes.py "tests/training/test_launch.py::test_kill_9_and_resume_is_bit_equal"

## Ratios against named baselines, each measured in one run.
bench:
	for script in benchmarks/*.py; do $(VENV)/python $$script || exit 1; done

clean:
	rm -rf .audit .compat .lock .demo .pytest_cache .ruff_cache
