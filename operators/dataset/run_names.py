"""How our custom runs of a dataset are called: a prefix for what it is, then a key or a name."""

from __future__ import annotations

SCORES = "scores_"  # the provenance of a detector's scores
EVALUATION = "evaluation_"
CALIBRATION = "calibration_"
ROBUSTNESS = "robustness_"
TRAINING = "training_"
TRAINING_SET = "training_set_"
ABLATION = "ablation_"
