"""Tells the story of ``make demo``: four datasets, their audit, a short tuning, the same audit.

Every sentence that it prints about a detector is what the plugin's own audit finds: the table by
dataset, 'Where errors concentrate', 'Threshold transfer' and 'Second detector'. What was made by an
earlier start is taken again if settings, detector and numbers of faces are the same.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo_audit import Audit
from demo_steps import DEMO, PLUGIN, TOWER, Said, fetch, fetch_detector, fetch_tower, step

CORPUS = DEMO / "clips" / "collection"  # operators do not write directly into a hidden folder
NAME = "forensics-demo"
CROPS = "gend-style"  # comes as face crops, which go straight to the faces
SHIPPED, TUNED = "demo_vits14", "tuned"
FIXED, BROKEN = "fixed_by_tuning", "broken_by_tuning"  # saved views
FALSE_ALARMS = 0.1  # the rate that each threshold is chosen for, on the validation people
HARD = "high_loss"  # the queue whose training faces are drawn more often
STEPS = 12
#: Few steps, so that it ends while somebody looks at the first audit.
TUNING = {
    "epochs": 3,
    "batch_size": 32,
    "frames_per_video": 1,
    "sampling": "paired",
    "augmentation": "none",
    "learning_rate": 1e-3,
    "min_learning_rate": 1e-4,
    "head_learning_rate": 1e-2,
}


class Story:
    """The steps of the demo, in their order.

    Args:
        detector: name or path of the detector that is audited
        tower: tower of the tuning
        quick: one frame per video, and no tuning

    Attributes:
        faces: the dataset of the faces, once it is there
    """

    def __init__(self, detector: str = SHIPPED, tower: str = TOWER, quick: bool = False) -> None:
        self.detector, self.tower, self.quick = detector, tower, quick
        self.key = re.sub(r"\W", "_", Path(detector).stem.lower())
        self.frames = 1 if quick else 2
        self.faces: Any = None
        self._lines: list[list[Any]] = []

    # -- the steps before the App

    def audit(self) -> None:
        """Make, import and score the datasets, audit them and fill the queue of false alarms."""
        if not self._again("audit"):
            self._prepare()
            self._keep("audit")
        with self._step(7, "audit per dataset") as said:
            audit = self._study(self.key)
            said.append(audit.finding)
        print(audit.lines, flush=True)
        with self._step(8, "queue of false alarms") as said:
            found = operator("find_hard_examples")(
                self._held_out(), key=self.key, queues=["false_positive"], progress=said.progress
            )["false_positive"]
            said.append(f"{found['faces']} faces of {found['videos']} videos")
            said.append(f"saved view {found['view']!r}")

    def _prepare(self) -> None:
        import fiftyone as fo

        with self._step(1, "weights, footage") as said:
            said.append(fetch())
            if self.detector != SHIPPED:
                fetch_detector(self.detector)
            if self.tower != TOWER:
                fetch_tower(self.tower)
        with self._step(2, "four datasets") as said:
            made = operator("create_demo")(str(CORPUS), collection=True, progress=said.progress)
            said.append(made["summary"].rsplit(",", 1)[0])
        folders = dict(made["datasets"])
        crops = folders.pop(CROPS)
        with self._step(3, "import") as said:
            for folder in folders.values():
                operator("import_dataset")(folder, name=NAME, progress=said.progress)
            videos = fo.load_dataset(NAME)
            said.append(f"{len(videos)} videos of {len(folders)} datasets")
        with self._step(4, "faces") as said:
            found = operator("extract_faces")(
                videos, count=self.frames, workers=os.cpu_count() or 1, progress=said.progress
            )
            self.faces = fo.load_dataset(found["faces_dataset"])
            cut = len(self.faces)
            operator("import_dataset")(crops, name=self.faces.name, progress=said.progress)
            self.faces.persistent = videos.persistent = True
            said.append(f"{found['faces']} cut, {found['without_face']} videos without one")
            said.append(f"{len(self.faces) - cut or 'no more'} imported as crops ({CROPS})")
        with self._step(5, f"scores of {self.key}") as said:
            said.append(self._score(self.detector, self.key, ("val", "test"), said))
        with self._step(6, "threshold") as said:
            said.append(self._calibrate(self.key))

    # -- the steps while the App is open

    def tune(self) -> None:
        """LN-tune on the training people, the hard faces more often, and audit the same again."""
        from media_forensics.operators.app import current_detector

        self._lines = []
        if not self._again("tuning"):
            self._train()
            self._keep("tuning")
        current_detector.choose(self.faces, self.key)  # the screens stay with the audited one
        with self._step(11, "the same audit again") as said:
            audit = self._study(TUNED)
            said.append(audit.finding)
        print(audit.lines, flush=True)
        with self._step(12, "fixed and broken") as said:
            words, changed = self._study(self.key).against(TUNED)
            said.append(words.rstrip("."))
            for name, what in ((FIXED, "fixed"), (BROKEN, "broken")):
                said.append(self._save(name, what, changed[what]))
        for what, rows in changed.items():
            for row in rows[:3]:
                truth = ("real", "fake")[row["label"]]
                print(f"       {what:<7}{truth}  {row['video']}", flush=True)

    def _train(self) -> None:
        from fiftyone import ViewField as F
        from media_forensics.operators.training import training_records, training_words

        with self._step(9, "hard training faces") as said:
            self._score(self.detector, self.key, ("train",), said)
            training = self.faces.match(F("split") == "train")
            found = operator("find_hard_examples")(
                training, key=self.key, queues=[HARD], progress=said.progress
            )[HARD]
            said.append(f"{found['faces']} of {len(training)} are drawn three times as often")
        with self._step(10, "LN-tuning") as said:
            if training_records.has(self.faces, TUNED):  # of other settings, or not completed
                operator("manage_runs")(self.faces, action="delete", key=TUNED, delete_files=True)
            found = operator("train_detector")(
                self.faces.match(F("split") != "test"),
                key=TUNED,
                recipe="ln_l2_unal",
                backbone=self.tower,
                settings={**TUNING, "precision": precision()},
                tag_weights={f"hard:{HARD}": 3.0},
                progress=said.progress,
            )
            best = training_words.auroc(found["best"])
            said.append(f"validation people: AUROC {best}")
            said.append(self._score(TUNED, TUNED, ("val", "test"), said))
            said.append(f"threshold {self._calibrate(TUNED)}")

    def _save(self, name: str, what: str, rows: list[dict[str, Any]]) -> str:
        from media_forensics.operators.dataset import saved_views

        if not rows:
            saved_views.drop(self.faces, name)
            return f"nothing {what}"
        names = [row["video"] for row in rows]
        text = f"{what} by {TUNED} at the false alarms of {self.key}"
        saved_views.save_chosen(self.faces, name, names, text, "video_id")
        return f"saved view {name!r}"

    # -- what the steps have in common

    def _held_out(self) -> Any:
        from fiftyone import ViewField as F

        return self.faces.match(F("split") == "test")

    def _score(self, source: str, key: str, splits: tuple[str, ...], said: Said) -> str:
        from fiftyone import ViewField as F

        part = self.faces.match(F("split").is_in(list(splits)))
        found = operator("score_faces")(
            part, detector=source, key=key, overwrite=key == TUNED, progress=said.progress
        )
        lost = sum(found["not_scored"].values())
        return f"{found['scored'] + found['already']} faces scored" + (f", {lost} not" * bool(lost))

    def _calibrate(self, key: str) -> str:
        from fiftyone import ViewField as F

        validation = self.faces.match(F("split") == "val")
        found = operator("calibrate_threshold")(validation, key=key, target_fpr=FALSE_ALARMS)
        reals = found["record"]["n_real"]
        return f"{found['threshold']:.3f}: at most {FALSE_ALARMS:.0%} of {reals} validation reals"

    def _study(self, key: str) -> Audit:
        return Audit(self.faces, key)

    @contextmanager
    def _step(self, number: int, name: str) -> Iterator[Said]:
        with step(f"{number}/{STEPS}", name) as said:
            yield said
        self._lines.append([number, name, "; ".join(said), said.seconds])

    # -- what an earlier start has made

    def _state(self, part: str) -> dict[str, Any] | None:
        """Return what identifies the results of a part, None if they are not there."""
        import fiftyone as fo
        from media_forensics.operators.dataset import fields
        from media_forensics.operators.dataset.code_version import code_version

        name = f"{NAME}-faces"
        if not fo.dataset_exists(name) or not fo.dataset_exists(NAME):
            return None
        self.faces = fo.load_dataset(name)
        state = {
            "version": code_version(),
            "detector": self.detector,
            "frames": self.frames,
            "dataset": str(self.faces._doc.id),
            "faces": len(self.faces),
            "here": all(map(os.path.isfile, self.faces.values("filepath"))),
        }
        for key in (self.key, TUNED) if part == "tuning" else (self.key,):
            scores = fields.scores_config(self.faces, key)
            if scores is None:
                return None
            scored = self.faces.match({"split": {"$in": ["val", "test"]}})
            count = scored.exists(fields.ScoreFields(key).p_fake).count()
            state[key] = [getattr(scores, "checkpoint_sha256", None), count]
        if part == "tuning":
            state |= {"tuning": TUNING, "tower": self.tower}
        return state

    def _again(self, part: str) -> bool:
        """Print the lines of an earlier start if its results are there, and say whether."""
        kept = _read().get(part)
        if not kept or not kept["state"]["here"] or self._state(part) != kept["state"]:
            return False
        for number, name, finding, seconds in kept["lines"]:
            head = f"{number}/{STEPS}"
            print(f"{head:>5}  {name:<22} {finding} (there; took {seconds:.0f} s)", flush=True)
        return True

    def _keep(self, part: str) -> None:
        found = {"state": self._state(part), "lines": self._lines}
        self._lines = []
        _record().write_text(json.dumps({**_read(), part: found}, indent=1))


def operator(name: str) -> Any:
    import fiftyone.operators as foo

    return foo.get_operator(f"{PLUGIN}/{name}")


def precision() -> str:
    """Return bf16 if the processor has units for it (two to four times faster), else auto."""
    cpuinfo = Path("/proc/cpuinfo")
    has_units = cpuinfo.exists() and re.search("amx_bf16|avx512_bf16", cpuinfo.read_text())
    return "bf16" if has_units else "auto"


def _record() -> Path:
    return DEMO / "story.json"


def _read() -> dict[str, Any]:
    """Return what earlier starts have recorded; nothing if the file is damaged."""
    try:
        found = json.loads(_record().read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
