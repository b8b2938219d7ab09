"""Carries out the actions of the rows of the panel ``training_runs`` that need no form."""

from __future__ import annotations

import fiftyone as fo

from ....detector.errors import ForensicsError
from ...jobs import job as jobs
from ...training import manage_runs, training_records
from ...training.training_records import TrainingRun


def do(faces: fo.Dataset, run: TrainingRun, event: str) -> str:
    """Carry out ``stop``, ``resume`` or ``score`` (of its validation faces, as a job).

    Returns:
        a sentence that says what was done

    Raises:
        ForensicsError: if the event is another one, or the state of the run does not allow it
    """
    if event == "stop":
        manage_runs.stop(faces, run.key)
        return f"{run.key} stops after the current step; it can be resumed."
    if event == "resume":
        manage_runs.resume(faces, run.key)
        return f"{run.key} continues where it stopped."
    if event == "score":
        view = training_records.validation_view(faces, run.key)
        jobs.start("score_faces", view, {"detector": run.key, "key": run.key})
        return f"{run.key} scores {len(view)} validation faces; see the jobs below."
    raise ForensicsError(f"There is no action {event!r}.")
