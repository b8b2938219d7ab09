"""Each task has a workspace, offered once; what the user deletes or arranges stays so."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from media_forensics.operators.dataset import appearance, fields, workspaces

pytestmark = pytest.mark.fiftyone
PANELS = yaml.safe_load((Path(workspaces.__file__).parents[2] / "fiftyone.yml").read_text())[
    "panels"
]


@pytest.fixture
def made(fiftyone_db):
    """``made(kind)``: an empty dataset of ours."""
    names = []

    def make(kind: str):
        dataset = fiftyone_db.Dataset()
        names.append(dataset.name)
        fields.declare_common_fields(dataset, faces=kind == "faces")
        fields.set_description(dataset, kind=kind)
        appearance.dress(dataset)
        return dataset

    yield make
    for name in names:
        fiftyone_db.delete_dataset(name)


def panels(space) -> list[str]:
    """The panels of a workspace that are seen when it is opened."""
    found = []
    for child in space.children:
        if hasattr(child, "children"):
            found += panels(child)
        elif child.component_id == space.active_child:
            found.append(child.type)
    return found


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("faces", {"Audit", "Review", "Sphere", "Train", "Case"}),
        ("videos", {"Audit", "Review", "Sphere", "Train", "Case"}),
        ("analyses", {"Sphere", "Case"}),
    ],
)
def test_every_dataset_of_ours_has_one_for_each_task(made, fiftyone_db, kind, names):
    dataset = fiftyone_db.load_dataset(made(kind).name, reload=True)
    assert set(dataset.list_workspaces()) == names
    for name in names:
        seen = panels(dataset.load_workspace(name))
        assert "Samples" in seen and set(seen) - {"Samples"} <= set(PANELS)
        assert dataset.get_workspace_info(name)["description"]


def test_the_audit_shows_faces_numbers_and_sphere(made):
    assert panels(made("faces").load_workspace("Audit")) == [
        "Samples",
        "error_audit",
        "hypersphere",
    ]


def test_what_the_user_did_with_them_stays(made):
    import fiftyone as fo

    dataset = made("faces")
    dataset.delete_workspace("Train")
    mine = fo.Space(children=[fo.Panel(type="Histograms")])
    dataset.save_workspace("Audit", mine, overwrite=True)
    appearance.dress(dataset)
    assert set(dataset.list_workspaces()) == {"Audit", "Review", "Sphere", "Case"}
    assert dataset.load_workspace("Audit").children[0].type == "Histograms"


def test_a_name_that_is_taken_is_the_users(fiftyone_db):
    import fiftyone as fo

    dataset = fiftyone_db.Dataset()
    try:
        dataset.save_workspace("audit", fo.Space(children=[fo.Panel(type="Histograms")]))
        fields.set_description(dataset, kind="faces")
        assert workspaces.offer(dataset) == ["Review", "Sphere", "Train", "Case"]
        assert workspaces.offer(dataset) == []
        assert "Audit" not in dataset.list_workspaces()
    finally:
        dataset.delete()
