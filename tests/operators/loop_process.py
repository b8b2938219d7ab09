"""A second process on the datasets of a loop: answers commands until its input ends.

A line names the dataset, the key of the trained detector and the command, ``look_everywhere`` or
``again``; the answer is one line of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ANSWER = "answer "


class Second:
    """A process of its own, as another App or a colleague's notebook; a context manager."""

    def __init__(self, folder: Path, detector: str) -> None:
        self._command = [sys.executable, __file__, str(folder), detector]

    def __enter__(self) -> Second:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(self._command, text=True, **pipes)
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.stdin.close()
        assert self._process.wait(60) == 0

    def ask(self, loop: Any, command: str) -> Any:
        """What the process answers; its own error fails the test."""
        print(json.dumps([loop.name, loop.run, command]), file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            if line.startswith(ANSWER):
                found = json.loads(line.removeprefix(ANSWER))
                assert "error" not in found, found["error"]
                return found
        raise AssertionError("the second process has ended")


def again(loop: Any) -> dict[str, Any]:
    """Repeat the steps that look at stored scores; nothing may have changed."""
    from loop_steps import BASE, TUNED

    made = loop.queue(TUNED)["high_loss"]
    return {
        "scored": [loop.score(key)["scored"] for key in (BASE, TUNED)],
        "already": [loop.score(key)["already"] for key in (BASE, TUNED)],
        "rows": loop.evaluate(TUNED)["rows"],
        "threshold": loop.audit(TUNED)["header"]["threshold"]["value"],
        "queue": [made["faces"], made["threshold"]],
        "compared": loop.compare()["rows"],
        "report": "False alarms" in loop.report(loop.videos, TUNED),
    }


def main() -> None:
    """Answer the commands of the standard input."""
    import traceback

    sys.path += [str(folder) for folder in Path(__file__).resolve().parents[:2]]
    from loop_steps import Loop

    loop = Loop(Path(sys.argv[1]), sys.argv[2])
    for line in sys.stdin:
        loop.name, loop.run, command = json.loads(line)
        loop.reports += 1000  # folders of its own
        try:
            found = again(loop) if command == "again" else {"shown": sorted(loop.look_everywhere())}
        except Exception:  # of any type: the asking test shows it
            found = {"error": traceback.format_exc()}
        print(ANSWER + json.dumps(found, default=float), flush=True)


if __name__ == "__main__":
    main()
