"""Reads the plugin's version from its manifest."""

from __future__ import annotations

from pathlib import Path


def code_version() -> str:
    import yaml

    text = (Path(__file__).resolve().parents[2] / "fiftyone.yml").read_text()
    return str(yaml.safe_load(text)["version"])
