"""The loop by forms, buttons and keys alone: from two folders to the report of a case, and again.

Every panel is opened after each step; then the App is started anew, runs and datasets get other
names, and all is asked again.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from loop_scenes import NO_WORDS, PATTERN, make_scenes, make_street
from media_forensics.detector.model.known_towers import KNOWN_TOWERS, SMALL
from media_forensics.operators.dataset import fields, run_names
from media_forensics.operators.review.decisions import CONFIRMED, DECISION

pytestmark = [
    *(pytest.mark.browser, pytest.mark.fiftyone, pytest.mark.weights),
    pytest.mark.long("ten minutes; test_whole_loop walks the same by calls"),
]
NAME = "walk"
FILES = f"{NAME}-analyses"
PANELS = ("error_audit", "hypersphere", "timeline", "review", "training_runs")


class Walk:
    """A person in front of the App.

    Args:
        app, server: the page's driver, and the App's server
        folder: with the folders ``scenes`` and ``street``
        db: FiftyOne, to look at what came of it

    Attributes:
        videos, faces: names of the datasets
    """

    def __init__(self, app, server, folder: Path, db) -> None:
        self.app, self.server, self.folder, self.db = app, server, folder, db
        self.videos, self.faces = NAME, f"{NAME}-faces"

    def told(self, text: str) -> None:
        """Wait until the App says ``text``, and close the window of the result."""
        self.app.page.get_by_text(text).first.wait_for()
        self.app.close_form()

    def open(self, dataset: str) -> None:
        """Open a dataset without the view and the panels that the App had last."""
        self.server.reset()
        self.app.go(dataset)
        self.app.wait_count(len(self.of(dataset)))

    def of(self, dataset: str):
        """The dataset as it is now."""
        found = self.db.load_dataset(dataset)
        found.reload()
        return found

    def record(self, kind: str, key: str):
        """What a run recorded on the faces."""
        return self.of(self.faces).get_run_info(kind + key).config

    def look(self) -> None:
        """Open every panel; each says something that a person can read."""
        self.app.close_form()
        for name in PANELS:
            self.app.open_panel(name)
            shown = self.app.page.locator(f'[data-cy="panel-content-{name}"]').first
            words = self.app.until(f"{name} says something", lambda s=shown: said(s))
            wrong = [text for text in NO_WORDS if text in words]
            assert not wrong, f"{name} shows {wrong}: {words}"
        self.app.show_grid()

    def audit(self, key: str) -> tuple[str, str]:
        """False alarms and provenance of the threshold, as the panel shows them for ``key``."""
        app = self.app
        app.open_panel("error_audit")
        app.find("mf-audit").wait_for()
        app.choose("mf-key", key)
        value = self.record(run_names.CALIBRATION, key).threshold
        words = f"p_fake ≥ {value:.3f}: "
        app.until("its threshold", lambda: words in app.find("mf-provenance").inner_text())
        assert app.find("mf-scope").input_value() == "split:test"
        return app.find("mf-fpr").inner_text(), app.find("mf-provenance").inner_text()

    def calibrate(self, key: str) -> None:
        """Choose a threshold on the faces of split val, as the form asks for."""
        app, faces = self.app, self.of(self.faces)
        form = app.open_form("Calibrate threshold")
        form.get_by_text("Filter the grid to the split val first").wait_for()
        app.close_form()
        app.filter("split", "val")
        app.wait_count(len(faces.match({"split": "val"})))
        form = app.open_form("Calibrate threshold")
        app.pick(form, "Detector", key)
        app.fill(form, "False-positive rate", "0.5")
        app.press(form, "Execute")
        form.get_by_text("The oracle has seen").first.wait_for()
        self.open(self.faces)
        value = self.record(run_names.CALIBRATION, key).threshold
        assert fields.called_at(self.of(self.faces), key) == value
        scored = self.of(self.faces).exists(key)  # what the tiles show
        labels, scores = scored.values([f"{key}.label", f"{key}_p_fake"])
        assert labels == ["fake" if score >= value else "real" for score in scores]

    def report(self, dataset: str, name: str) -> str:
        """The page of a report of ``dataset``."""
        self.open(dataset)
        form = self.app.open_form("Export report")
        folder = self.folder / name
        self.app.unfold(form)
        self.app.fill(form, "Folder", str(folder))
        self.app.press(form, "Execute")
        self.told("The report is in")
        return (folder / "report.html").read_text()


def said(panel) -> str:
    """What a panel says, "" as long as that is nothing or that it is busy."""
    words = panel.inner_text().strip()
    return "" if len(words) < 20 or "Reading the queue" in words else words


@pytest.fixture
def walk(app, app_server, demo_dataset, fiftyone_db, footage, tmp_path):
    make_scenes(tmp_path / "scenes", footage, "ttvveu")
    make_street(tmp_path / "street", footage, 1)
    yield Walk(app, app_server, tmp_path, fiftyone_db)
    app.go(demo_dataset.name)
    for name in fiftyone_db.list_datasets():
        if name.startswith((NAME, "july")):
            fiftyone_db.delete_dataset(name)


def test_from_two_folders_to_the_report_of_a_case(walk):
    take_in(walk)
    score_and_judge(walk)
    first = walk.audit("base")
    choose(walk)
    train(walk)
    walk.calibrate("tuned")
    second = walk.audit("tuned")
    compare(walk)
    case(walk)
    again(walk, {"base": first, "tuned": second})


def take_in(walk):
    """Two folders, one dataset of videos, and their faces."""
    app = walk.app
    form = app.open_form("Import deepfake dataset")
    app.fill(form, "Folder", str(walk.folder / "nowhere"))
    form.get_by_text("does not exist").first.wait_for()
    app.fill(form, "Folder", str(walk.folder / "scenes"))
    form.get_by_text("Manifest, because").first.wait_for()
    form.get_by_text("13 of 13 videos").first.wait_for()
    app.fill(form, "Dataset", NAME)
    app.shot("form-import")
    app.press(form, "Execute")
    app.until("the videos", lambda: app.page.url.rstrip("/").endswith(NAME))
    app.wait_count(13)

    form = app.open_form("Import deepfake dataset")
    app.pick(form, "Format", "Folder tree by a pattern")
    app.fill_all(form, {"Folder": str(walk.folder / "street"), "Pattern": PATTERN})
    form.get_by_text("2 of 2 videos").first.wait_for()
    app.fill(form, "Dataset", NAME)
    form.get_by_text(f"{NAME} exists and is extended").first.wait_for()
    app.press(form, "Execute")
    app.wait_count(15)
    app.close_form()
    labels = walk.of(NAME).count_values("ground_truth.label")
    assert labels == {"real": 6, "fake": 8, None: 1}
    app.shot("result-import")

    form = app.press_button("Extract faces", "face")
    app.fill(form, "Frames per video", "2")
    app.press(form, "Execute")
    app.until("the faces", lambda: walk.faces in app.page.url)
    app.wait_count(len(walk.of(walk.faces)))
    app.close_form()
    app.shot("loop-faces")
    walk.look()


def score_and_judge(walk):
    """Scores of the detector that comes along, and a threshold chosen on the split val."""
    app = walk.app
    form = app.open_form("Score faces")
    app.pick(form, "Detector", "demo_vits14")
    app.fill(form, "Key", "base")
    app.press(form, "Execute")
    walk.told(f"{len(walk.of(walk.faces))} faces scored as 'base'")
    assert None not in walk.of(walk.faces).values("base_p_fake")
    walk.look()
    walk.calibrate("base")
    walk.look()


def choose(walk):
    """A queue, and decisions on its faces."""
    app = walk.app
    value = walk.record(run_names.CALIBRATION, "base").threshold
    form = app.open_form("Find hard examples")
    form.get_by_text(f"empty: {value:g}, chosen").first.wait_for()
    app.press(form, "Execute")
    walk.told("Queues, as saved views")
    faces = walk.of(walk.faces)
    queue = faces.load_saved_view("hard_base_high_loss")
    assert len(queue) == faces.count_sample_tags()["hard:high_loss"] > 0
    app.shot("result-hard-examples")
    walk.look()

    walk.open(walk.faces)
    decide(walk, len(queue))
    walk.look()


def train(walk):
    """A training set, a detector trained on it, and its scores."""
    app = walk.app
    form = app.open_form("Export training set")
    app.fill(form, "Name", "chosen")
    app.press(form, "Execute")
    walk.told("faces, manifest")
    chosen = walk.of(walk.faces).load_saved_view("chosen")
    app.wait_count(len(chosen))
    assert set(chosen.distinct("split")) == {"train", "val", "test"}  # the last is not trained on
    walk.look()

    form = app.open_form("Train detector")
    app.pick(form, "Tower", KNOWN_TOWERS[SMALL].title)
    app.fill_all(form, {"Name": "tuned", "Batch size": "8", "Epochs": "1"})
    app.press(form, "Execute")
    walk.told("score faces with it to see what it does")
    walk.look()

    walk.open(walk.faces)
    form = app.open_form("Score faces")
    app.pick(form, "Detector", "tuned (trained on this dataset)")
    app.press(form, "Execute")
    walk.told(f"{len(walk.of(walk.faces))} faces scored as 'tuned'")
    walk.look()


def decide(walk, count):
    """Confirm the faces of a queue by keyboard."""
    app = walk.app
    app.open_panel("review")
    app.find("mf-review").wait_for()
    app.choose("mf-review-queue", "base_rank_high_loss")
    app.find("mf-review-name").fill("ann")
    app.page.keyboard.press("Enter")
    app.find("mf-review-nameless").wait_for(state="hidden")
    app.find("mf-review").focus()
    app.shot("loop-review")
    for _ in range(count):
        app.until("the face", lambda: app.find("mf-review-crop").count())
        app.page.keyboard.press("1")
    stored = app.find("mf-review-waiting")
    app.until("all stored", lambda: stored.inner_text() == "all stored")
    decisions = walk.of(walk.faces).count_values(DECISION)
    assert decisions.get(CONFIRMED) == count, decisions
    app.show_grid()


def compare(walk):
    """Both detectors at equal false alarms, in the panel and through the form."""
    app = walk.app
    app.click("mf-tab-compare")
    app.choose("mf-other", "base")
    app.until("words", lambda: "base" in app.find("mf-tab-words").inner_text())
    app.shot("loop-second-audit")
    walk.look()
    form = app.open_form("Compare runs")
    app.pick(form, "Scores", "stored on the chosen view")
    app.fill(form, "False-positive rate", "0.5")
    app.press(form, "Execute")
    form.get_by_text("videos that all have scored").first.wait_for()
    assert "false-positive rate of at most 0.5" in form.inner_text()
    app.shot("loop-compared")
    app.close_form()


def case(walk):
    """A file that nobody has labelled, its report, and the report of the dataset."""
    app = walk.app
    form = app.open_form("Analyze file")
    file = walk.folder / "scenes" / "scene5.mp4"
    app.pick(form, "Detector", "tuned (trained on this dataset)")
    app.fill_all(form, {"File": str(file), "Case": FILES})
    app.press(form, "Execute")
    form.get_by_text("No verdict").first.wait_for()
    app.shot("loop-analysis")
    app.close_form()
    assert "states no error rate" in walk.report(FILES, "case")
    walk.look()
    assert "Recolour" in walk.report(walk.videos, "dataset")


def again(walk, audits):
    """In a new server, and under other names, all of it is where it was."""
    app = walk.app
    walk.server.stop()
    walk.server.start()
    walk.open(walk.faces)
    repeated(walk, "tuned", audits)
    form = app.open_form("Manage training runs")
    app.pick(form, "Action", "Rename")
    app.pick(form, "Run", "tuned")
    app.fill(form, "New name", "tuned_again")
    app.press(form, "Execute")
    form.get_by_text("tuned_again").first.wait_for()
    app.close_form()
    for samples, name in ((walk.videos, "july"), (walk.faces, "july-crops"), (FILES, "july-files")):
        walk.of(samples).name = name  # the App itself has no form for it
    walk.videos, walk.faces = "july", "july-crops"
    walk.open(walk.faces)
    repeated(walk, "tuned_again", audits)
    walk.report("july-files", "case again")
    walk.look()
    assert "Recolour" in walk.report(walk.videos, "dataset again")
    walk.look()


def repeated(walk, run, audits):
    """What has scores is not scored again, and the audits say what they said."""
    app = walk.app
    form = app.open_form("Score faces")
    app.pick(form, "Detector", f"{run} (trained on this dataset)")
    app.fill(form, "Key", "tuned")
    app.press(form, "Execute")
    walk.told("0 faces scored as 'tuned'")
    walk.look()
    for key, shown in audits.items():
        assert walk.audit(key) == shown
