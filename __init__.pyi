"""Types of the package: its operators as functions, what FiftyOne calls."""

from typing import Any

from .operators.demo.create_demo import CreateDemo
from .operators.embeddings.map_embeddings import MapEmbeddings
from .operators.evaluation.calibrate_threshold import CalibrateThreshold
from .operators.evaluation.evaluate_detector import EvaluateDetector
from .operators.evaluation.run_protocol import RunProtocol
from .operators.faces.contact_sheet import ContactSheet
from .operators.faces.extract_faces import ExtractFaces
from .operators.importing.import_dataset import ImportDataset
from .operators.importing.use_dataset import UseDataset
from .operators.inspection.analyze_file import AnalyzeFile
from .operators.inspection.explain_faces import ExplainFaces
from .operators.inspection.probe_robustness import ProbeRobustness
from .operators.report.export_report import ExportReport
from .operators.review.export_training_set import ExportTrainingSet
from .operators.review.find_hard_examples import FindHardExamples
from .operators.review.review_faces import ReviewFaces
from .operators.scoring.export_scores import ExportScores
from .operators.scoring.import_scores import ImportScores
from .operators.scoring.retrain_head import RetrainHead
from .operators.scoring.score_faces import ScoreFaces
from .operators.training.compare_runs import CompareRuns
from .operators.training.manage_runs import ManageRuns
from .operators.training.run_ablation import RunAblation
from .operators.training.train_detector import TrainDetector

__version__: str
create_demo: CreateDemo
import_dataset: ImportDataset
use_dataset: UseDataset
extract_faces: ExtractFaces
contact_sheet: ContactSheet
score_faces: ScoreFaces
evaluate_detector: EvaluateDetector
calibrate_threshold: CalibrateThreshold
explain_faces: ExplainFaces
analyze_file: AnalyzeFile
import_scores: ImportScores
export_scores: ExportScores
probe_robustness: ProbeRobustness
run_protocol: RunProtocol
map_embeddings: MapEmbeddings
find_hard_examples: FindHardExamples
review_faces: ReviewFaces
export_training_set: ExportTrainingSet
export_report: ExportReport
train_detector: TrainDetector
retrain_head: RetrainHead
run_ablation: RunAblation
compare_runs: CompareRuns
manage_runs: ManageRuns

def register(plugin: Any) -> None: ...
def download_model(model_name: str, model_path: str) -> None: ...
def load_model(model_name: str, model_path: str, **kwargs: Any) -> Any: ...
