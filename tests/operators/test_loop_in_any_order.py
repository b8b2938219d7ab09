"""The steps of the loop in random order; after each, every form and panel answers in words."""

from __future__ import annotations

import itertools
import math
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import media_forensics as mf
import pytest
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from loop_scenes import PATTERN, make_scenes, make_street
from loop_steps import ALARMS, BASE, FEW, TUNED, Loop, look
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.known_towers import SMALL
from media_forensics.operators.dataset import fields, views
from media_forensics.operators.review.decisions import ACTIONS, CONFIRMED

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]
FULL = bool(os.environ.get("MEDIA_FORENSICS_FULL"))
SECONDS = 900 if FULL else 12  # after which nothing is begun any more
KEYS = st.sampled_from((BASE, "second"))
SPLITS = st.sampled_from(("", "train", "val", "test"))
DECISIONS = st.sampled_from((*ACTIONS, "undo", "redo"))
NAMES = st.sampled_from((None, "real", "fake"))
SKIPS = st.integers(0, 5)
STEPS = [
    "scenes",
    "street",
    "extract",
    "score",
    "calibrate",
    "evaluate",
    "queue",
    "review",
    "export",
]
STEPS += ["retrain", "compare", "report", "relabel", "lose", "rename"]
STEPS += ["train", "score_trained", "analyze"] if FULL else []  # these take longer
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Given:
    """What a step is given; each uses what it needs."""

    key: str = BASE
    split: str = ""
    action: str = CONFIRMED
    label: str | None = None
    skip: int = 0


class AnyOrder(RuleBasedStateMachine):
    """A dataset on which somebody calls whatever comes to mind.

    Attributes:
        roots: folders of the scenes and of the street
        folder: of crops, runs and reports; crops are cut once for all examples
        detector: path of a checkpoint
        until: time after which steps do nothing
        done: steps that were done so far, and those that were refused, with their number
    """

    roots: Any
    folder: Any
    detector: str
    until: float
    done: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.loop = Loop(self.folder, self.detector, f"any{next(_NUMBERS)}")
        self.changed, self.last = False, None

    def teardown(self) -> None:
        import fiftyone as fo

        for name in fo.list_datasets():
            if name.startswith(self.loop.name):
                fo.delete_dataset(name)

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Lift the time limit if something fails, so that hypothesis can repeat it."""
        try:
            yield
        except Exception:  # of any type: raised again
            type(self).until = math.inf
            raise

    def step(self, name: str, given: Given) -> None:
        """Do it, or be told in a sentence why not; nothing is done twice in a row."""
        if time.monotonic() > self.until or (name, given) == self.last:
            return
        self.last = name, given
        with self.limited():
            try:
                getattr(self, name)(given)
                self.done[name] += 1
                self.changed = True
            except ForensicsError as error:
                assert error.message.rstrip().endswith((".", "?")), error.message
                self.done[f"no {name}"] += 1

    @property
    def open(self) -> Any:
        """What a person has open: the faces if there are any."""
        videos = self.loop.videos
        return views.faces_of(videos) or videos

    def part(self, split: str) -> Any:
        return self.open.match({"split": split}) if split else self.open

    def some(self, given: Given) -> Any:
        """Two of the samples on the screen."""
        return self.open.skip(given.skip).limit(2)

    # -- steps: what they are given is drawn for each

    def scenes(self, given: Given) -> Any:
        return self.loop.take_in(self.roots[0], update=True)

    def street(self, given: Given) -> Any:
        return self.loop.take_in(self.roots[1], format="tree", pattern=PATTERN)

    def extract(self, given: Given) -> Any:
        return self.loop.extract()

    def score(self, given: Given) -> Any:
        told = {"detector": self.detector, "key": given.key, "device": "cpu"}
        return mf.score_faces(self.part(given.split), **told)

    def calibrate(self, given: Given) -> Any:
        return mf.calibrate_threshold(self.part(given.split), key=given.key, target_fpr=ALARMS)

    def evaluate(self, given: Given) -> Any:
        return mf.evaluate_detector(self.part(given.split), key=given.key)

    def queue(self, given: Given) -> Any:
        return mf.find_hard_examples(self.part(given.split), key=given.key, limit=5)

    def review(self, given: Given) -> Any:
        told = {"note": "seen"} if given.action == "note" else {}
        return mf.review_faces(self.some(given), action=given.action, reviewer="ann", **told)

    def export(self, given: Given) -> Any:
        file = str(self.folder / f"{self.loop.name}.jsonl")
        return mf.export_training_set(self.open, name="chosen", file=file)

    def retrain(self, given: Given) -> Any:
        return mf.retrain_head(self.open, detector=given.key, key="head", folds=2)

    def compare(self, given: Given) -> Any:
        return mf.compare_runs(self.open, keys=[BASE, "second"], scores="stored", fpr=ALARMS)

    def report(self, given: Given) -> Any:
        folder = str(self.folder / f"report_{next(_NUMBERS)}")
        return mf.export_report(self.open, key=given.key, folder=folder)

    def relabel(self, given: Given) -> None:
        """Somebody corrects labels by hand, or takes them away."""
        import fiftyone as fo

        some, name = self.some(given), given.label
        value = None if name is None else fo.Classification(label=name)
        some.set_values(fields.GROUND_TRUTH, [value] * len(some))

    def lose(self, given: Given) -> None:
        """Somebody deletes samples on the screen."""
        self.open.delete_samples(self.some(given).values("id"))

    def rename(self, given: Given) -> None:
        faces, videos = views.faces_of(self.loop.videos), self.loop.videos
        self.loop.name = f"any{next(_NUMBERS)}"
        videos.name = self.loop.name
        if faces is not None:
            faces.name = f"{self.loop.name}-crops"

    def train(self, given: Given) -> Any:
        told = {"key": TUNED, "recipe": "linear_probe", "backbone": SMALL, "settings": FEW}
        runs = str(self.folder / f"runs_{self.loop.name}")
        return mf.train_detector(self.open, **told, runs_dir=runs, device="cpu")

    def score_trained(self, given: Given) -> Any:
        return mf.score_faces(self.open, detector=TUNED, key=TUNED, device="cpu")

    def analyze(self, given: Given) -> Any:
        path, told = str(self.roots[0] / "scene0.mp4"), {"detector": TUNED, "count": 4}
        kept = {"dataset": f"{self.loop.name}-files", "crops_dir": str(self.folder / "files")}
        return mf.analyze_file(path, samples=self.open, **told, **kept, device="cpu")

    @initialize(street=st.booleans(), so_far=st.integers(0, 2))
    def first(self, street: bool, so_far: int) -> None:
        self.step("street" if street else "scenes", Given())
        for name in ("extract", "score")[: 2 - so_far]:
            self.step(name, Given())

    # one rule, because hypothesis may leave out most of many rules in an example
    @rule(
        name=st.sampled_from(STEPS), given=st.builds(Given, KEYS, SPLITS, DECISIONS, NAMES, SKIPS)
    )
    def next(self, name: str, given: Given) -> None:
        self.step(name, given)

    @invariant()
    def all_answers_are_words(self) -> None:
        if self.changed:
            with self.limited():
                look(self.open.name)
        self.changed = False


def test_whatever_comes_to_mind_is_done_or_told_why_not(
    clean, tiny_checkpoint, footage, weights_dir, tmp_path
):
    roots = tmp_path / "scenes", tmp_path / "street"
    make_scenes(roots[0], footage, "tveu")
    make_street(roots[1], footage, 1)
    given = {"roots": roots, "folder": tmp_path, "detector": tiny_checkpoint}
    given |= {"until": time.monotonic() + SECONDS, "done": Counter()}
    run_state_machine_as_test(
        type("Machine", (AnyOrder,), given),
        settings=settings(
            max_examples=100 if FULL else 6,
            stateful_step_count=25 if FULL else 10,
            phases=(Phase.generate, Phase.shrink) if FULL else (Phase.generate,),
            deadline=None,
            derandomize=not FULL,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert given["done"]
