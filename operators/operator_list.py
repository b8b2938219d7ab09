"""Lists every operator and panel, and finds one by its short name."""

from __future__ import annotations

from ..detector.errors import ForensicsError

PLUGIN = "@mediaforensics/deepfake"
#: (module, class) of each operator and panel, in the order in which the App lists them. A module
#: is imported when FiftyOne starts, so its heavy imports (torch, open_clip, ...) are in functions.
OPERATORS = (
    ("demo.create_demo", "CreateDemo"),
    ("importing.import_dataset", "ImportDataset"),
    ("importing.use_dataset", "UseDataset"),
    ("faces.extract_faces", "ExtractFaces"),
    ("faces.contact_sheet", "ContactSheet"),
    ("scoring.score_faces", "ScoreFaces"),
    ("evaluation.evaluate_detector", "EvaluateDetector"),
    ("evaluation.calibrate_threshold", "CalibrateThreshold"),
    ("inspection.explain_faces", "ExplainFaces"),
    ("inspection.analyze_file", "AnalyzeFile"),
    ("scoring.import_scores", "ImportScores"),
    ("scoring.export_scores", "ExportScores"),
    ("inspection.probe_robustness", "ProbeRobustness"),
    ("evaluation.run_protocol", "RunProtocol"),
    ("embeddings.map_embeddings", "MapEmbeddings"),
    ("review.find_hard_examples", "FindHardExamples"),
    ("review.review_faces", "ReviewFaces"),
    ("review.export_training_set", "ExportTrainingSet"),
    ("report.export_report", "ExportReport"),
    ("training.train_detector", "TrainDetector"),
    ("scoring.retrain_head", "RetrainHead"),
    ("training.run_ablation", "RunAblation"),
    ("training.compare_runs", "CompareRuns"),
    ("training.manage_runs", "ManageRuns"),
    ("evaluation.fiftyone_metrics", "Auroc"),
    ("evaluation.fiftyone_metrics", "EqualErrorRate"),
    ("panels.audit.error_audit", "ErrorAudit"),
    ("panels.sphere.hypersphere", "Hypersphere"),
    ("panels.timeline.timeline", "TimelinePanel"),
    ("panels.review.review", "ReviewPanel"),
    ("panels.player.player", "PlayerPanel"),
    ("panels.runs.training_runs", "TrainingRuns"),
)


#: Modules with a ``run`` that only jobs start.
JOBS = ("importing.video_metadata",)


def uri_of(name: str) -> str:
    """Return the URI of the operator or panel called ``name`` in FiftyOne."""
    return f"{PLUGIN}/{name}"


def name_of(module: str) -> str:
    """Return the short name of an operator's module: folders of jobs and scripts use it."""
    return module.rpartition(".")[2]


def module_of(name: str) -> str:
    """Return the module below ``operators`` that holds the operator called ``name``.

    Args:
        name: short name of an operator or panel, or of a job's work

    Raises:
        ForensicsError: there is no such operator
    """
    for module in (*(module for module, _ in OPERATORS), *JOBS):
        if name in (module, name_of(module)):
            return module
    raise ForensicsError(
        f"There is no operator {name!r}.", "Update the plugin, or start the operator again."
    )
