"""TensorBoard reads from the event files what ``metrics.jsonl`` says, also after a resume."""

from __future__ import annotations

import sys

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.training import event_files, runs
from media_forensics.training.config import named_recipe
from media_forensics.training.loop import fit


def read_back(folder) -> dict[str, dict[int, float]]:
    """chart -> step -> value, as TensorBoard shows them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    found.Reload()
    charts = {tag: found.Scalars(tag) for tag in found.Tags()["scalars"]}
    for events in charts.values():
        assert len({e.step for e in events}) == len(events)  # no step twice
    return {tag: {e.step: e.value for e in events} for tag, events in charts.items()}


def test_what_tensorboard_reads_is_what_the_run_wrote(tiny_config, make_manifest, tmp_path):
    config, manifest = tiny_config(tensorboard=True, save_every_seconds=1e9), make_manifest()
    steps = iter(range(100))

    class Killed(Exception):
        pass

    def kill_within_the_second_epoch(record):
        if record["kind"] == "step" and next(steps) == 4:
            raise Killed

    with pytest.raises(Killed):
        fit(config, manifest, tmp_path / "run", kill_within_the_second_epoch, device="cpu")
    fit(config, manifest, tmp_path / "run", device="cpu")
    charts = read_back(tmp_path / "run" / "events")
    records = runs.RunFolder(tmp_path / "run").metrics()
    for kind, chart, names in (
        ("step", "training", event_files.STEP),
        ("epoch", "validation", event_files.EPOCH),
    ):
        for name in names:
            wanted = {
                r["step"]: pytest.approx(r[name], rel=1e-5, abs=1e-6)
                for r in records
                if r["kind"] == kind and r[name] is not None
            }
            assert charts.get(f"{chart}/{name}", {}) == wanted, name
    assert len(charts["training/total"]) == 6


def test_the_recipe_is_the_same_with_and_without():
    assert named_recipe("ln", tensorboard=True).hash == named_recipe("ln").hash


def test_a_missing_package_is_said_before_anything_starts(
    tiny_config, make_manifest, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ForensicsError, match="tensorboard") as error:
        runs.prepare(tmp_path / "run", tiny_config(tensorboard=True), make_manifest())
    assert error.value.field == "tensorboard" and not (tmp_path / "run").exists()
    runs.prepare(tmp_path / "run", tiny_config(), make_manifest())  # without, nobody asks for it
