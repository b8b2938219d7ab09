"""docs/datasets.md says what the importers do, and its example of a new dataset works."""

from __future__ import annotations

import re
from pathlib import Path

from media_forensics.operators.importers import registry
from media_forensics.operators.importers.catalogue import update
from media_forensics.operators.importers.contract import ImportOptions
from media_forensics.operators.importers.formats.manifest import COLUMNS
from media_forensics.operators.importers.plan import plan_import

PAGE = Path(__file__).resolve().parents[3] / "docs" / "datasets.md"


def test_the_page_lists_the_importers_as_they_are():
    text = PAGE.read_text(encoding="utf-8")
    assert update(text) == text, "run operators/importers/catalogue.py on docs/datasets.md"
    for importer in registry.importers():
        assert importer.expects in text
        assert all(gotcha in text for gotcha in importer.gotchas)


def test_the_page_names_every_option_and_column():
    text = PAGE.read_text(encoding="utf-8")
    for name in (*ImportOptions.__dataclass_fields__, *COLUMNS):
        assert f"`{name}`" in text, name


def test_the_example_of_a_new_dataset_works(plant, agree, monkeypatch):
    text = PAGE.read_text(encoding="utf-8").partition("## Adding a dataset")[2]
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    package = "media_forensics.operators.importers.formats"
    scope = {"__package__": package, "__name__": f"{package}.myfakes"}
    exec(code, scope)
    known = (*registry.importers(), *scope["IMPORTERS"])
    monkeypatch.setattr(registry, "importers", lambda: known)
    root = plant("x", "real/a.mp4\nfake/roop/a.mp4", {"myfakes.txt": "hello"})
    plan = plan_import(root, options=ImportOptions(derive_splits="never"))
    assert plan.importer.name == "myfakes"
    agree(
        plan,
        """
video_id         label method   pair_status group
MyFakes/real/a   0     original none        a
MyFakes/roop/a   1     roop     present     a
""",
    )
