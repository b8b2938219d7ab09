"""Defines the names of our custom runs: a prefix for the kind, then a key or a name.

A run's kind is known by its method and never by its name, because names of several kinds begin in
the same way, and people store their own runs (:mod:`.stored_runs`).
"""

from __future__ import annotations

SCORES = "scores_"  # the provenance of a detector's scores
EVALUATION = "evaluation_"
CALIBRATION = "calibration_"
ROBUSTNESS = "robustness_"
TRAINING = "training_"
TRAINING_SET = "training_set_"
ABLATION = "ablation_"
ANALYSIS = "analysis_"  # what is known of a file of a case
FRAME_HASHES = "frame_hashes_"
OURS = "media_forensics/"  # beginning of the method of each of our runs


def method_of(prefix: str) -> str:
    """Return the method of the runs whose names begin with ``prefix``, such as :data:`SCORES`."""
    return OURS + prefix.removesuffix("_")
