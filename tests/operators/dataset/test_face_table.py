"""Evaluation, queues and panels read one table of faces."""

from __future__ import annotations

import numpy as np
import pytest
from fiftyone import ViewField as F
from media_forensics.detector.audit.units import at_level
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.dataset import face_columns, face_table, scored_items
from media_forensics.operators.review import queue_columns

pytestmark = pytest.mark.fiftyone


def test_they_see_the_same_faces(faces_of):
    made = faces_of(400, seed=3)
    source = face_columns.source_of(made.dataset)
    panel = face_columns.columns_of(source, "det", "token")
    queue = queue_columns.read(made.dataset.view(), "det", set(), None, None)
    assert list(panel.ids) == list(queue.ids) == made.dataset.values("id")
    for level in ("face", "video"):
        units, items = at_level(panel, level), scored_items.items_of(made.dataset, "det", level)
        assert items.names.tolist() == units.names.tolist()
        assert np.array_equal(items.label, units.label)
        assert np.allclose(items.p_fake, units.p_fake, equal_nan=True)
        for name in ("source_dataset", "method", "compression", "split"):
            assert items.texts[name].texts().tolist() == units.texts[name].texts().tolist()
    assert np.array_equal(queue.p_fake, panel.p_fake, equal_nan=True)


def test_the_order_of_a_view_does_not_matter(faces_of):
    made = faces_of(400, seed=3)
    plain = face_table.face_table(made.dataset, "det", ["sharpness"])
    turned = face_table.face_table(made.dataset.sort_by("id", reverse=True), "det", ["sharpness"])
    assert plain.ids == turned.ids and np.array_equal(plain.label, turned.label)
    assert np.array_equal(plain.numbers["sharpness"], made.table["sharpness"])
    assert np.array_equal(turned.numbers["sharpness"], made.table["sharpness"])
    some = made.dataset.match(F("split") == "test")
    part = face_table.face_table(some, "det")
    assert list(part.ids) == some.values("id")
    assert part.texts["split"].present() == {"test"}


def test_videos_without_a_face_belong_by_dataset_and_split(faces_of):
    made = faces_of(400, seed=3)
    table = face_table.face_table(made.dataset, "det")
    lost = table.take(np.arange(4))
    kinds = face_table.kinds_of(lost)
    everywhere = face_table.kinds_in(made.dataset)
    assert set(face_table.kinds_of(table)) == everywhere
    assert face_table.belonging(lost, everywhere, everywhere).all()
    without = {kind for kind in everywhere if kind[2] != kinds[0][2]}
    left_out = face_table.belonging(lost, without, everywhere)
    assert left_out.tolist() == [kind[2] != kinds[0][2] for kind in kinds]
    # a method of which no video gave a face is not left out
    assert face_table.belonging(lost, without, without)[0] == (
        kinds[0][:2] in {kind[:2] for kind in without}
    )


def test_a_face_without_ground_truth_is_in_no_rate(faces_of):
    made = faces_of(80, seed=4)
    first = made.dataset.first()
    made.dataset.set_values("ground_truth", {first.id: None}, key_field="id")
    assert face_table.face_table(made.dataset, "det").label[0] == -1
    items = scored_items.items_of(made.dataset, "det", "face")
    assert first.id not in items.ids and len(items) == 79
    assert "1 faces have no ground truth" in scored_items.unlabelled(made.dataset)
    made.dataset.set_values("ground_truth", [None] * 80)
    with pytest.raises(ForensicsError, match="Nothing here has a ground truth"):
        scored_items.items_of(made.dataset, "det", "face")
