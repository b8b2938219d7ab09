"""``benchmarks/gpu.py``: the whole of it in small form, and that no part loses the others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "benchmarks" / "gpu.py"
sys.path.insert(0, str(SCRIPT.parent))

from on_gpu import engines, record  # noqa: E402
from on_gpu.bench import Bench  # noqa: E402
from on_gpu.goals import GOALS, Goal  # noqa: E402
from on_gpu.material import prepare, shapes_of  # noqa: E402
from on_gpu.results import FAILED, MEASURED, MISSING, NotMeasured, Results, Row, events, rows_of  # noqa: E402
from on_gpu.sections import ON_REQUEST, SECTIONS  # noqa: E402
from on_gpu.sizes import SMALL  # noqa: E402
from on_gpu.supervise import Run, supervise  # noqa: E402
from on_gpu.table import markdown  # noqa: E402
from on_gpu.towers import LeanTower  # noqa: E402


def call(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_without_a_gpu_one_sentence_says_so():
    done = call(CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 0
    assert done.stdout.startswith("Nothing was measured, because torch finds ")
    assert done.stdout.count("\n") == 1


def test_an_unknown_section_is_named():
    done = call("--sections", "towr")
    assert done.returncode == 2
    assert "'towr'" in done.stderr and "extraction" in done.stderr


@pytest.mark.long("a minute")
@pytest.mark.weights
def test_the_small_form_measures_every_section(tmp_path, weights_dir):
    done = call("--small", "--out", str(tmp_path), OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "gpu.json").read_text())
    rows = [Row(**row) for row in found["rows"]]
    assert {row.section for row in rows} == set(SECTIONS) - set(ON_REQUEST)
    assert {row.state for row in rows} <= {MEASURED, MISSING}
    figures = {row.goal: row.figure for row in rows if row.goal}
    # a CPU has no memory of its own; all else that is judged on a GPU was measured here
    of_gpus = {"step memory", "batch waits", "step waits", "face waits"}
    assert figures.keys() == {goal.key for goal in GOALS} - of_gpus
    assert figures["landmarks"] == figures["crops"] == 0 and figures["fp32"] < 1e-6
    text = (tmp_path / "gpu.md").read_text()
    assert text in done.stdout
    assert "not judged" in text and "| missed |" not in text
    assert found["facts"]["commit"] in text


def test_a_section_that_is_cut_off_loses_no_other(tmp_path, monkeypatch):
    said: list[str | Row] = []
    monkeypatch.setitem(SECTIONS, "material", replace(SECTIONS["material"], seconds=0.0))
    run = Run(("material", "machine"), tmp_path, "cpu", True, 600, grace=0.0)
    facts, rows = supervise(run, said.append)
    assert [(row.what, row.note) for row in rows if row.state == FAILED] == [
        ("material", "it was cut off at its limit")
    ]
    assert any(row.section == "machine" and row.state == MEASURED for row in rows)
    assert facts["commit"]
    assert [name for name in said if isinstance(name, str)] == ["material", "machine"]
    assert [row for row in said if isinstance(row, Row)] == rows


def test_a_process_that_dies_is_a_row(tmp_path):
    run = Run(("material",), tmp_path, "no-such-device", True, 600)
    _, rows = supervise(run, lambda _: None)
    assert [row.state for row in rows] == [FAILED]
    assert "ended with status 1" in rows[0].note


def test_a_part_that_fails_or_is_missing_is_a_row(tmp_path):
    out = Results(tmp_path / "log", "tower", 60)

    def lacks() -> None:
        raise NotMeasured("the baseline is not measured: peft is not installed")

    assert out.attempt("reference", lacks) is None
    assert out.attempt("broken", lambda: 1 / 0) is None
    assert out.attempt("good", lambda: 7) == 7
    out.add("rate", 3.0, "crops/s", "bare", 4.0, "tower")
    Results(tmp_path / "log", "late", -1).attempt("late", lambda: 1)
    rows = list(rows_of(events(tmp_path / "log")[0]))
    assert [row.state for row in rows] == [MISSING, FAILED, MEASURED, FAILED]
    assert "ZeroDivisionError" in rows[1].note and rows[2].figure == 0.75
    text = markdown({"card": "A", "cores": "2 cores", "date": "today"}, rows, judge=True)
    assert "peft is not installed" in text and "| missed |" in text


def test_goals_are_met_missed_or_not_measured():
    def row(value: float | None, ratio: float | None = None) -> Row:
        return Row("s", "w", value, ratio=ratio, goal="g")

    most, least = Goal("g", "", 0.5, least=False), Goal("g", "", 0.5)
    assert least.judged([row(9, 0.4), row(9, 0.6)]) == (0.6, "met")
    assert most.judged([row(0.4), row(0.6)]) == (0.6, "missed")
    assert least.judged([row(None)]) == (None, "not measured")


def test_the_lean_tower_and_every_engine_compute_what_the_detector_does(tmp_path, monkeypatch):
    bench = Bench(tmp_path, torch.device("cpu"), True)
    prepare(bench, Results(tmp_path / "log", "material", 60))
    detector = bench.detector()
    tensors = bench.tensors()
    assert {name: tuple(t.shape) for name, t in tensors.items()} == shapes_of(SMALL.shape)
    lean = LeanTower(tensors, SMALL.shape, torch.float32, torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    side = SMALL.shape.side
    pixels = torch.randint(0, 256, (5, 3, side, side), dtype=torch.uint8, generator=generator)
    found = torch.nn.functional.normalize(lean(detector.backbone.preprocess.normalize(pixels)))
    wanted = detector.score_pixels(pixels, "fp32").embeddings
    np.testing.assert_allclose(found.numpy(), wanted, atol=2e-6)

    monkeypatch.setattr(torch, "compile", lambda tower, **_: tower)  # test_engines.py compiles
    monkeypatch.setattr("shutil.which", lambda name: name)
    out = Results(tmp_path / "engines", "engines", 60)
    engines.measure(bench, out)
    rows = {row.what: row for row in rows_of(events(out.path)[0])}
    assert [row.state for row in rows.values()] == [MEASURED] * 4 + [MISSING] * 2
    assert "margins off by up to" in rows["engine compile, batch 8"].note


def test_every_fixture_of_a_device_has_its_recorder():
    for name in record.TESTS:
        assert "record(sys.argv[1])" in (ROOT / name).read_text(encoding="utf-8"), name
    fixtures = {p.stem for p in (ROOT / "tests/fixtures").glob("*_on_a_device.json")}
    texts = "".join((ROOT / name).read_text(encoding="utf-8") for name in record.TESTS)
    assert fixtures and all(f"{name}.json" in texts for name in fixtures)
