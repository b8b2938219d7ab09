"""How our custom runs of a dataset are called: a prefix for what it is, then a key or a name.

A run is known by its method, never by how its name begins: names of several kinds begin alike, and
people store runs of their own (:mod:`.stored_runs`).
"""

from __future__ import annotations

SCORES = "scores_"  # the provenance of a detector's scores
EVALUATION = "evaluation_"
CALIBRATION = "calibration_"
ROBUSTNESS = "robustness_"
TRAINING = "training_"
TRAINING_SET = "training_set_"
ABLATION = "ablation_"
OURS = "media_forensics/"  # what the method of each of our runs begins with


def method_of(prefix: str) -> str:
    """The method of the runs whose names begin with ``prefix``, for example :data:`SCORES`."""
    return OURS + prefix.removesuffix("_")
