"""Every cell is a run of its own; a call goes on where another ended; the table is numpy's."""

from __future__ import annotations

import json

import numpy as np
import pytest
from media_forensics.detector.errors import Cancelled, ForensicsError
from media_forensics.training import ablation, ablation_results
from media_forensics.training.loop import fit
from media_forensics.training.runs import RunFolder
from PIL import Image
from sklearn.metrics import roc_auc_score

RECIPES, SEEDS = ("ln", "ln_l2"), (0, 1)


@pytest.fixture
def small(tiny_tower, make_manifest):
    settings = {
        "backbone": tiny_tower,
        "epochs": 1,
        "batch_size": 8,
        "augmentation": "none",
        "workers": 0,
    }
    return make_manifest(train=4, val=5, frames=2), settings


def no_stop() -> bool:
    return False


def run_here(cell) -> None:
    """The cell's run in this process: what a worker does in one of its own."""
    run = RunFolder(cell.folder)
    fit(run.config, run.manifest, run.path)


def test_a_worker_does_what_is_left_and_only_that(small, tmp_path):
    manifest, settings = small
    cells = ablation.prepare(tmp_path / "a", manifest, RECIPES, SEEDS, settings)
    assert [cell.name for cell in cells] == ["ln_s0", "ln_l2_s0", "ln_s1", "ln_l2_s1"]
    for cell in cells[:3]:
        run_here(cell)
    before = {cell.name: (cell.folder / "result.json").read_bytes() for cell in cells[:3]}
    seen = []
    failed = ablation.work(cells, lambda *state: seen.append(state), no_stop, device="cpu")
    assert failed == {} and all(map(ablation.completed, cells))
    assert {s[2].split(":")[0] for s in seen if s[2]} == {"ln_l2_s1"} and seen[-1][:2] == (4, 4)
    for cell in cells[:3]:
        assert (cell.folder / "result.json").read_bytes() == before[cell.name]

    rows = ablation.summarise(cells)
    assert [row.recipe for row in rows] == list(RECIPES) and rows[0].before is None
    scores = {}
    for row, recipe in zip(rows, RECIPES, strict=True):
        videos = [
            json.loads((cell.folder / "validation.json").read_text())["videos"]
            for cell in cells
            if cell.recipe == recipe
        ]
        labels = [v["label"] for v in videos[0]]
        aurocs = [roc_auc_score(labels, [v["p_fake"] for v in run]) for run in videos]
        assert row.aurocs == pytest.approx(aurocs)
        assert row.mean == pytest.approx(np.mean(aurocs))
        assert row.spread == pytest.approx(np.std(aurocs, ddof=1))
        scores[recipe] = np.mean([[v["p_fake"] for v in run] for run in videos], axis=0)
        assert row.auroc == pytest.approx(roc_auc_score(labels, scores[recipe]))
    assert rows[1].before == "ln" and rows[1].p_holm == rows[1].p_value
    assert rows[1].difference == pytest.approx(rows[1].auroc - rows[0].auroc)

    files = ablation_results.save(tmp_path / "a", cells, rows)
    assert Image.open(files["figure"]).size[0] > 200
    assert "4 of 4 runs are done" in files["table"].read_text()
    assert [r["recipe"] for r in json.loads(files["json"].read_text())["rows"]] == list(RECIPES)
    again = ablation.prepare(tmp_path / "a", manifest, RECIPES, SEEDS, settings)
    assert again == cells and all(map(ablation.completed, again))


def test_an_unfinished_ablation_has_the_rows_that_are_done(small, tmp_path):
    manifest, settings = small
    cells = ablation.prepare(tmp_path / "a", manifest, RECIPES, SEEDS, settings)
    assert ablation.summarise(cells) == []
    run_here(cells[1])
    (row,) = ablation.summarise(cells)
    assert row.recipe == "ln_l2" and row.seeds == (0,)
    assert row.spread is None and row.difference is None
    text = ablation_results.table([row], len(cells))
    assert "1 of 4 runs are done" in text and "nan" not in text
    ablation_results.save(tmp_path / "a", cells, [row])


def test_a_stop_keeps_the_cell_in_hand(small, tmp_path):
    manifest, settings = small
    long = {**settings, "epochs": 5000}
    cells = ablation.prepare(tmp_path / "a", manifest, ("ln",), (0,), long)
    with pytest.raises(Cancelled):
        ablation.work(cells, lambda *_: None, lambda: True, device="cpu")
    assert RunFolder(cells[0].folder).status["status"] == "stopped"
    assert (cells[0].folder / "state.pt").is_file()


def test_a_cell_that_another_worker_has_is_left_to_it(small, tmp_path):
    manifest, settings = small
    cells = ablation.prepare(tmp_path / "a", manifest, ("ln",), (0,), settings)
    with RunFolder(cells[0].folder).locked():
        assert ablation.work(cells, lambda *_: None, no_stop) == {}
    assert not ablation.completed(cells[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"recipes": ("ln", "magic")}, "magic"),
        ({"recipes": ("ln", "ln")}, "cannot be used"),
        ({"seeds": ()}, "cannot be used"),
        ({"settings": {"seed": 3}}, "not a setting"),
        ({"settings": {"batch_size": 4000}}, "larger than"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_written(change, words, small, tmp_path):
    manifest, settings = small
    given = {"recipes": RECIPES, "seeds": SEEDS, **change}
    given["settings"] = {**settings, **change.get("settings", {})}
    with pytest.raises(ForensicsError, match=words):
        ablation.prepare(tmp_path / "a", manifest, **given)
    assert not (tmp_path / "a").exists()


def test_another_ablation_in_the_same_folder_is_refused(small, tmp_path):
    manifest, settings = small
    ablation.prepare(tmp_path / "a", manifest, ("ln",), (0,), settings)
    with pytest.raises(ForensicsError, match="epochs"):
        ablation.prepare(tmp_path / "a", manifest, ("ln",), (0,), {**settings, "epochs": 9})
