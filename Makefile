PYTHON ?= python3
VENV := .venv/bin
UV := UV_NO_CONFIG=1 .uv/bin/uv

.PHONY: demo demo-detector demo-pictures test install ui lint audit compat pythons lock robustness bench clean .uv-there

## The story on four small datasets; the App opens while it goes on. QUICK=1 two minutes, HEADLESS=1 no App.
demo:
	$(PYTHON) scripts/install.py
	$(VENV)/python scripts/demo.py

## Trains and measures the small detector that comes along; SHIP=1 replaces it, CHECK=1 compares the first steps.
demo-detector:
	$(PYTHON) scripts/install.py
	$(VENV)/python scripts/demo_detector.py

## Pictures of README and docs from what `make demo` has made, in both themes.
demo-pictures:
	$(PYTHON) scripts/install.py --tests
	$(VENV)/python scripts/demo_pictures.py

## Everything that CI runs, the App in headless Chromium included.
test:
	$(PYTHON) scripts/install.py --tests
	$(MAKE) --no-print-directory lint
	OMP_NUM_THREADS=1 $(VENV)/python -m pytest -n auto --maxprocesses 4 --dist loadgroup --no-loadscope-reorder --durations=15

install:
	$(PYTHON) scripts/install.py

## The App's component: src/ into dist/index.umd.js. CHECK=1 compares, with types and unit tests.
ui:
	$(PYTHON) scripts/component.py $(if $(CHECK),--check)

lint:
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/codespell
	$(VENV)/basedpyright --level error

## Known vulnerabilities of the locked packages; fails where the database cannot be asked.
audit: .uv-there
	$(UV) export --quiet --frozen --group tests --group mongod --no-emit-project --output-file .audit.txt
	$(UV) tool run pip-audit --strict --require-hashes --disable-pip -r .audit.txt

## uv.lock after a change of pyproject.toml; UPGRADE=1 takes the newest versions that it allows.
lock: .uv-there
	$(UV) lock $(if $(UPGRADE),--upgrade)

.uv-there:
	$(PYTHON) scripts/install.py --tool

## Every Python that is here with the lowest and the newest allowed versions, parts without torch.
pythons:
	$(PYTHON) scripts/install.py --tests
	$(VENV)/python scripts/compat.py --core

## The same with everything: FiftyOne, torch, the whole loop. Some 6 GB for each pair of versions.
compat:
	$(PYTHON) scripts/install.py --tests
	$(VENV)/python scripts/compat.py --markdown

## Hostile files and killed processes, the long form (docs/robustness.md).
robustness:
	MEDIA_FORENSICS_FULL=1 MEDIA_FORENSICS_SEEDS=$${MEDIA_FORENSICS_SEEDS:-50} $(VENV)/python -m pytest tests/robustness \
		tests/detector/runners/test_extract_processes.py tests/operators/test_loop_in_any_order.py tests/browser/test_walk.py \
		"tests/training/test_launch.py::test_kill_9_and_resume_is_bit_equal"
	MEDIA_FORENSICS_FULL=1 $(VENV)/python -m pytest -m long tests

## Ratios against named baselines, each measured in one run.
bench:
	for script in benchmarks/*.py; do $(VENV)/python $$script || exit 1; done

clean:
	rm -rf .audit.txt .compat .demo .pytest_cache .ruff_cache
