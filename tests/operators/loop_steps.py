"""The steps of the whole loop as a script calls them, and a look at every screen after each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import every_screen
import fiftyone as fo
import media_forensics as mf
from loop_scenes import NO_WORDS
from media_forensics.detector.model.known_towers import SMALL
from media_forensics.operators.dataset import fields, views
from media_forensics.operators.panels.audit.error_audit import ErrorAudit
from panel_client import Client

BASE, TUNED = "base", "tuned"
ALARMS = 0.5  # share of the reals that may be called fake, of the few that there are
FEW = {"epochs": 1, "max_steps": 2, "batch_size": 8, "frames_per_video": 1}


class Loop:
    """One dataset on its way; a step may be called whenever a person could.

    Args:
        folder: of everything that is written
        detector: path of a checkpoint

    Attributes:
        name: of the video dataset
        run: key of the training run; its scores keep the key of their first day
    """

    def __init__(self, folder: Path, detector: str, name: str = "loop") -> None:
        self.folder, self.detector, self.name = folder, detector, name
        self.run = TUNED
        self.reports = 0

    @property
    def videos(self) -> Any:
        return fo.load_dataset(self.name)

    @property
    def faces(self) -> Any:
        found = views.faces_of(self.videos)
        assert found is not None
        return found

    def of_split(self, split: str) -> Any:
        return self.faces.match({"split": split})

    # -- steps

    def take_in(self, root: Path, **options: Any) -> dict[str, Any]:
        return mf.import_dataset(str(root), name=self.name, **options)

    def extract(self) -> dict[str, Any]:
        return mf.extract_faces(
            self.videos, count=2, crops_dir=str(self.folder / "crops"), device="cpu"
        )

    def score(self, key: str) -> dict[str, Any]:
        detector = self.detector if key == BASE else self.run
        return mf.score_faces(self.faces, detector=detector, key=key, device="cpu")

    def calibrate(self, key: str) -> dict[str, Any]:
        return mf.calibrate_threshold(self.of_split("val"), key=key, target_fpr=ALARMS)

    def evaluate(self, key: str) -> dict[str, Any]:
        return mf.evaluate_detector(self.of_split("test"), key=key)

    def audit(self, key: str, **choice: Any) -> dict[str, Any]:
        panel = Client(ErrorAudit(), self.faces)
        panel.state = {"choice": choice}
        panel.send("on_load")
        for name, value in {"key": key, **choice}.items():
            panel.send("on_set", name=name, value=value)
        assert panel.state.get("empty") is None, panel.state["empty"]
        return panel.data

    def queue(self, key: str) -> dict[str, Any]:
        return mf.find_hard_examples(self.faces, key=key, limit=12)

    def review(self, samples: Any, action: str, **more: Any) -> dict[str, Any]:
        return mf.review_faces(samples, action=action, **more)

    def export(self, base: str | None = None) -> dict[str, Any]:
        file = str(self.folder / "chosen.jsonl")
        return mf.export_training_set(self.faces, name="chosen", base=base, file=file)

    def train(self) -> dict[str, Any]:
        return mf.train_detector(
            self.faces.load_saved_view("chosen"),
            key=self.run,
            recipe="linear_probe",
            backbone=SMALL,
            settings=FEW,
            device="cpu",
            runs_dir=str(self.folder / "runs"),
        )

    def compare(self) -> dict[str, Any]:
        keys = [BASE, TUNED]
        return mf.compare_runs(self.of_split("test"), keys=keys, scores="stored", fpr=ALARMS)

    def analyze(self, path: Path) -> dict[str, Any]:
        return mf.analyze_file(
            str(path),
            samples=self.faces,
            detector=self.run,
            dataset=f"{self.name}-analyses",
            crops_dir=str(self.folder / "analyses"),
            count=4,
            device="cpu",
        )

    def report(self, samples: Any, key: str) -> str:
        self.reports += 1
        folder = self.folder / f"report_{self.reports}"
        mf.export_report(samples, key=key, folder=str(folder))
        return (folder / "report.html").read_text()

    # -- every screen

    def look(self) -> dict[str, Any]:
        """What every form and panel shows of what a person has open: the faces if there are any."""
        return look((views.faces_of(self.videos) or self.videos).name)

    def look_everywhere(self) -> dict[str, Any]:
        """The same of each dataset of the loop."""
        return {name: look(name) for name in fo.list_datasets() if name.startswith(self.name)}


def look(name: str) -> dict[str, Any]:
    """What every form and panel shows of a dataset, for its newest detector if it has one."""
    dataset = fo.load_dataset(name)
    faces = dataset if fields.describe(dataset).get("kind") == "faces" else views.faces_of(dataset)
    keys = [] if faces is None else fields.detector_keys(faces)
    shown = every_screen.open_all(dataset, Client, ({"key": keys[-1]} if keys else {},))
    for screen, found in shown.items():
        wrong = [words for words in NO_WORDS if words in str(found)]
        assert not wrong, f"{screen} of {name} shows {wrong}"
    return shown
