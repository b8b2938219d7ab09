"""``make demo``: honest times, nothing taken again that is another one, and the whole story."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def scripts():
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import demo_steps
        import demo_story
    finally:
        sys.path.pop(0)
    return demo_steps, demo_story


def test_the_first_step_that_loads_and_compiles_is_not_in_the_pace(scripts):
    pace = scripts[0].Pace()
    assert pace.left(0, 10, 0.0) is None
    assert pace.left(1, 10, 60.0) is None  # the cold one
    assert pace.left(2, 10, 61.0) is None  # too early to say
    assert pace.left(5, 10, 64.0) == pytest.approx(5)
    assert pace.left(1, 4, 70.0) is None  # another part of the step begins anew


def test_a_step_is_one_line_with_finding_and_time(scripts, capsys):
    with scripts[0].step("3/12", "import") as said:
        said.progress(1, 2, "videos")
        said.append("315 videos")
        said.append("three datasets")
    head = " 3/12  import" + " " * 16
    assert capsys.readouterr().out == f"{head} 315 videos; three datasets (0 s)\n"


@pytest.mark.fiftyone
def test_what_another_detector_or_setting_made_is_not_taken_again(
    scripts, fiftyone_db, tmp_path, monkeypatch, capsys
):
    _, demo_story = scripts
    monkeypatch.setattr(demo_story, "DEMO", tmp_path)
    monkeypatch.setattr(demo_story, "NAME", "story-of-a-test")
    story = demo_story.Story()
    assert not story._again("audit")
    kept = {"here": True, "detector": "demo_vits14"}
    monkeypatch.setattr(demo_story.Story, "_state", lambda self, part: {**kept, "of": self.frames})
    with story._step(3, "import") as said:
        said.append("two videos")
    story._keep("audit")
    capsys.readouterr()
    assert story._again("audit") and "two videos (there; took 0 s)" in capsys.readouterr().out
    assert not demo_story.Story(quick=True)._again("audit")
    assert not story._again("tuning")
    demo_story._record().write_text("{")
    assert not story._again("audit")


@pytest.mark.long("some minutes of computing")
def test_the_whole_story_without_a_browser_and_again(tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FIFTYONE_")}
    environment |= {"DEMO_FOLDER": str(tmp_path / "demo"), "HEADLESS": "1"}
    command = [sys.executable, str(ROOT / "scripts/demo.py")]
    first = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert first.returncode == 0, first.stdout + first.stderr
    for number in range(1, 13):
        assert f"{number}/12 " in first.stdout
    again = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert again.returncode == 0 and again.stdout.count("(there; took") == 8


class Session:
    """FiftyOne's session, which has no connection at first."""

    def __init__(self, spaces, failures: int = 1) -> None:
        self.spaces, self.refreshed, self.failures = spaces, 0, failures
        self.seen = None  # the panels at the last refresh

    def refresh(self) -> None:
        self.refreshed += 1
        if self.refreshed <= self.failures:
            raise RuntimeError("Client is not connected")
        self.seen = self.spaces


@pytest.mark.fiftyone
def test_the_second_detector_is_shown_unless_the_panels_were_rearranged(monkeypatch, capsys):
    import demo
    from media_forensics.operators.dataset.workspaces import AUDIT, REVIEW, TASKS

    monkeypatch.setattr(demo.time, "sleep", lambda seconds: None)
    layouts = {task.name: task.layout() for task in TASKS}
    session = Session(layouts[AUDIT])
    demo.show_changes(session)
    shown = {panel.type: panel.state for panel in demo.panels(session.spaces)}
    # the App keeps what a Python panel knows under "state", and ignores all else
    assert shown["error_audit"] == {"state": {"choice": {"tab": "compare"}}}
    assert session.refreshed == 2 and not shown["hypersphere"]
    assert session.seen is session.spaces  # a page that is refreshed before keeps the old tab
    session = Session(layouts[REVIEW])
    demo.show_changes(session)
    assert session.spaces is layouts[REVIEW] and not capsys.readouterr().out
    demo.show_changes(Session(layouts[REVIEW], failures=99))
    assert "load its page again" in capsys.readouterr().out
