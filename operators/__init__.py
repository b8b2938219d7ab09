"""What FiftyOne sees: operators and panels. The only code that imports ``fiftyone``."""

from __future__ import annotations

from importlib import import_module

#: (module, class) of each operator and panel, in the order in which the App lists them. A module
#: is imported when FiftyOne starts, so its heavy imports (torch, open_clip, ...) are in functions.
OPERATORS = (
    ("create_demo", "CreateDemo"),
    ("import_dataset", "ImportDataset"),
    ("extract_faces", "ExtractFaces"),
    ("contact_sheet", "ContactSheet"),
    ("score_faces", "ScoreFaces"),
    ("evaluate_detector", "EvaluateDetector"),
    ("calibrate_threshold", "CalibrateThreshold"),
    ("explain_faces", "ExplainFaces"),
    ("analyze_file", "AnalyzeFile"),
    ("import_scores", "ImportScores"),
    ("export_scores", "ExportScores"),
    ("probe_robustness", "ProbeRobustness"),
    ("run_protocol", "RunProtocol"),
    ("map_embeddings", "MapEmbeddings"),
    ("find_hard_examples", "FindHardExamples"),
    ("review_faces", "ReviewFaces"),
    ("export_training_set", "ExportTrainingSet"),
    ("export_report", "ExportReport"),
    ("train_detector", "TrainDetector"),
    ("retrain_head", "RetrainHead"),
    ("run_ablation", "RunAblation"),
    ("compare_runs", "CompareRuns"),
    ("manage_runs", "ManageRuns"),
    ("metrics", "Auroc"),
    ("metrics", "EqualErrorRate"),
    ("panels.error_audit", "ErrorAudit"),
    ("panels.hypersphere", "Hypersphere"),
    ("panels.timeline", "TimelinePanel"),
    ("panels.training_runs", "TrainingRuns"),
)


def register_all(plugin) -> None:
    """Register each class of :data:`OPERATORS` with FiftyOne's plugin context, confirmed.

    Raises:
        ForensicsError: the installed FiftyOne is outside the bound of ``fiftyone.yml``
    """
    import_module(".fiftyone_version", __name__).require_fiftyone()
    from .confirmation import confirmed
    from .python_api import show_parameters

    for module, name in OPERATORS:
        cls = getattr(import_module(f".{module}", __name__), name)
        show_parameters(cls)
        plugin.register(confirmed(cls))
