"""Above the grid stand the next steps that fit the open dataset, and no others."""

from __future__ import annotations

import pytest
from media_forensics.operators.dataset import fields

pytestmark = pytest.mark.fiftyone
PLUGIN = "@mediaforensics/deepfake/"


def placed(dataset) -> set[str]:
    """Our operators with a button, as the App's server asks for them."""
    import fiftyone.operators as foo
    from fiftyone.operators.executor import resolve_placement

    request = {"dataset_name": dataset.name if dataset is not None else None, "params": {}}
    ours = [op for op in foo.list_operators(type="operator") if op.uri.startswith(PLUGIN)]
    assert len(ours) > 20
    return {op.uri[len(PLUGIN) :] for op in ours if resolve_placement(op, request) is not None}


@pytest.fixture
def dataset(fiftyone_db):
    made = fiftyone_db.Dataset()
    yield made
    made.delete()


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (None, {"import_dataset", "use_dataset"}),
        ("videos", {"extract_faces"}),
        ("faces", {"score_faces", "import_scores"}),
        ("analyses", {"analyze_file", "explain_faces", "export_report"}),
    ],
)
def test_of_a_dataset_of_each_kind(dataset, kind, names):
    if kind:
        fields.set_description(dataset, kind=kind)
    assert placed(dataset) == names


def test_of_scored_faces(faces_of):
    dataset = faces_of(20).dataset
    assert placed(dataset) == {
        *("evaluate_detector", "find_hard_examples", "review_faces"),
        *("train_detector", "analyze_file", "export_report"),
    }


def test_without_a_dataset():
    assert placed(None) == {"import_dataset"}
