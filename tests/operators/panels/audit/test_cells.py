"""Every cell of two fields against pandas, and what a click on one shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from media_forensics.detector.audit.groups import cross, group
from media_forensics.detector.audit.table import SMALL, AuditTable
from media_forensics.detector.audit.units import at_level
from media_forensics.operators.panels.audit import cells as audit_cells
from media_forensics.operators.panels.audit.error_audit import ErrorAudit

pytestmark = pytest.mark.fiftyone


def test_cells_of_a_hundred_thousand_faces_are_those_of_pandas(columns_of):
    columns, table = columns_of(100_000, 5)
    units = at_level(columns, "face")
    down, across = group(units, "method"), group(units, "source_dataset")
    cells = AuditTable(units, cross(down, across), areas=False)
    total, rows = cells.at(0.6)
    frame = pd.DataFrame(table).dropna(subset="p_fake")
    frame["wrong"] = (frame.p_fake >= 0.6) != (frame.label == "fake")
    wanted = frame.groupby(["method", "source_dataset"]).wrong.agg(["sum", "size"])
    got = {}
    for row in rows:
        cell = row.fpr or row.fnr
        assert (row.fpr is None) == (row.name[0] != "original")
        got[row.name] = (cell.hits, cell.trials)
    assert got == {name: (s, n) for name, s, n in wanted.itertuples()}
    assert rows[0].name == ("original", "beta") and rows[0].fpr.stands_out
    assert total.auroc is None


@pytest.fixture(scope="module")
def faces(faces_of):
    return faces_of(3000)


@pytest.fixture
def audit(faces, client):
    driven = client(ErrorAudit(), faces.dataset)
    driven.send("on_load")
    driven.send("on_set", name="scope", value="all")
    driven.send("on_set", name="tab", value="cells")
    return driven


def test_methods_by_datasets_and_the_worst_in_words(audit):
    audit.send("on_set", name="level", value="face")
    data = audit.data["table"]["cells"]
    assert data["fields"] == ["method", "source_dataset"]
    assert data["words"].startswith("Worse than the rest beyond chance: original · beta: ")
    assert data["down"][0] == "original" and data["across"][0] == "beta"  # worst first
    marked = [c for c in data["cells"] if (c[3] or c[4])[7] == audit_cells.STANDS_OUT]
    assert [0, 0] in [c[:2] for c in marked]
    rates = [c[3][2] for c in data["cells"] if c[3] and c[3][7] != audit_cells.FEW]
    assert max(rates) <= data["scale"]


@pytest.mark.parametrize("level", ["face", "video"])
@pytest.mark.parametrize("across", ["source_dataset", "glasses", "sharpness"])
def test_a_click_shows_the_errors_of_the_cell(audit, level, across):
    audit.send("on_set", name="level", value=level)
    audit.send("on_set", name="across", value=across)
    data = audit.data["table"]["cells"]
    assert data["fields"][1] == across
    if across == "sharpness":  # ranges in their own order
        assert data["across"][0].startswith("below") and data["across"][-1].endswith("above")
    for _, _, index, fpr, fnr, count, _ in data["cells"][:3]:
        for kind, cell in (("fp", fpr), ("fn", fnr), ("all", [count])):
            if not cell or not cell[0]:
                continue
            audit.send("on_cell", cell=index, kind=kind)
            view = audit.grid()
            units = len(view) if level == "face" else len(set(view.values("video_id")))
            assert units == cell[0]


def test_few_units_are_neither_judged_nor_named(faces_of, client):
    driven = client(ErrorAudit(), faces_of(120, seed=8).dataset)
    driven.send("on_load")
    for name, value in (("scope", "all"), ("tab", "cells"), ("down", "compression")):
        driven.send("on_set", name=name, value=value)
    data = driven.data["table"]["cells"]
    few = [c for row in data["cells"] for c in row[3:5] if c and c[1] < SMALL]
    assert few and all(c[7] == audit_cells.FEW for c in few)


def test_what_is_gone_is_taken_back_and_a_wrong_cell_is_words(audit):
    audit.send("on_set", name="down", value="no such field")
    assert audit.data["table"]["cells"]["fields"][0] == "method"
    audit.send("on_cell", cell=10_000, kind="fp")
    assert audit.op("notify")["variant"] == "warning"


def test_hundreds_of_cells_say_what_they_leave_out(faces_of, client):
    made = faces_of(1600, seed=2)
    names = [f"m{i % 200:03d}" for i in range(1600)]
    made.dataset.set_values("method", names)
    driven = client(ErrorAudit(), made.dataset)
    driven.send("on_load")
    for name, value in (("scope", "all"), ("level", "face"), ("tab", "cells")):
        driven.send("on_set", name=name, value=value)
    data = driven.data["table"]["cells"]
    assert len(data["down"]) == audit_cells.MOST_ROWS
    assert "140 rows and 0 columns are left out" in data["words"]
    assert np.array([c[:2] for c in data["cells"]]).max(axis=0)[0] < audit_cells.MOST_ROWS
