"""The table of people and masks that any layout may have."""

from __future__ import annotations

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.importers.plan import plan_import

FILES = """dfdc_train_part_0/{a,b,c}.mp4
masks/videos/c.mp4
"""
LISTS = {
    "dfdc_train_part_0/metadata.json": (
        '{"a.mp4": {"label": "REAL"}, "b.mp4": {"label": "REAL"},'
        ' "c.mp4": {"label": "FAKE", "original": "b.mp4"}}'
    )
}
TABLE = """video,identity,mask,source_dataset,license_note,light
dfdc_train_part_0/a.mp4,ann,,mine,my own,day
dfdc_train_part_0/b.mp4,ann,,mine,my own,
dfdc_train_part_0/c.mp4,,masks/videos/c.mp4,mine,my own,
"""


def test_people_are_the_unit_of_leakage_and_columns_become_attributes(plant):
    plan = plan_import(plant("DFDC", FILES, LISTS | {"about_videos.csv": TABLE}))
    records = {record.video_id.rsplit("/")[-1]: record for record in plan.records}
    assert len({record.group_id for record in plan.records}) == 1
    assert records["a"].attributes["identity"] == "ann"
    assert records["a"].attributes["light"] == "day" and "light" not in records["b"].attributes
    assert records["c"].mask_path.endswith("masks/videos/c.mp4")
    assert {(r.source_dataset, r.license_note) for r in plan.records} == {("mine", "my own")}
    assert not plan.report.unexplained and not plan.report.missing


def test_without_a_table_each_original_is_a_group(plant):
    plan = plan_import(plant("DFDC", FILES, LISTS))
    assert len({record.group_id for record in plan.records}) == 2


def test_rows_of_absent_videos_are_reported(plant):
    table = TABLE + "dfdc_train_part_0/gone.mp4,bob,,,,\n"
    plan = plan_import(plant("DFDC", FILES, LISTS | {"about_videos.csv": table}))
    assert [m.path for m in plan.report.missing] == ["dfdc_train_part_0/gone.mp4"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("../a.mp4,ann,,,,", "leaves"),
        ("dfdc_train_part_0/a.mp4,bob,,,,", "listed twice"),
        ("dfdc_train_part_0/d.mp4,bob,../../mask.mp4,,,", "leaves"),
    ],
)
def test_bad_tables(plant, row, words):
    with pytest.raises(ForensicsError) as error:
        plan_import(plant("DFDC", FILES, LISTS | {"about_videos.csv": f"{TABLE}{row}\n"}))
    assert words in str(error.value) and "line 5" in str(error.value)
