"""A FiftyOne outside the bound of fiftyone.yml is named when the plugin is loaded."""

from __future__ import annotations

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators import register_all
from media_forensics.operators.app.fiftyone_version import promised, require_fiftyone


def test_the_installed_one_is_allowed():
    assert promised() == ">=1.22.1,<2"
    require_fiftyone()


@pytest.mark.parametrize("version", ["1.5.0", "1.21.3", "2.0.0"])
def test_another_one_is_named_and_nothing_is_registered(version, tmp_path, monkeypatch):
    folder = tmp_path / f"fiftyone-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: fiftyone\nVersion: {version}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registered = []

    class Plugin:
        register = staticmethod(registered.append)

    with pytest.raises(ForensicsError, match=f"FiftyOne {version} is installed") as told:
        register_all(Plugin())
    assert told.value.hint == "Run: pip install 'fiftyone>=1.22.1,<2'"
    assert not registered
