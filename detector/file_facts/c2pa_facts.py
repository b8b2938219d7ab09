"""Reads a C2PA manifest (Content Credentials) and says whether its signature and hashes hold.

The library fetches nothing: no manifest from elsewhere, no certificate status. No list of trusted
signers is built in, so that a valid signature says that the file is as the signer left it, not who
the signer is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import ForensicsError
from ..files import packages
from .fact import Fact, fact

GROUP = "C2PA"
_OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
_STATES = {
    "Trusted": "valid, and signed by a trusted signer",
    "Valid": "valid: the file is as the signer left it; who the signer is was not checked",
    "Invalid": "NOT valid: the file or its manifest was changed after it was signed",
}
_MOST_MANIFESTS, _MOST_ROWS = 20, 40


def c2pa_facts(path: Path) -> list[Fact]:
    """Return what the manifests of a file say, or in one sentence why there is nothing to say."""
    try:
        c2pa = packages.load(packages.C2PA, "c2pa")
    except ForensicsError as error:
        return [fact(GROUP, "not read", error)]
    try:
        context = c2pa.Context.from_dict(_OFFLINE)
        reader = c2pa.Reader.try_create(str(path), context=context)
        found = None if reader is None else json.loads(reader.json())
    except c2pa.C2paError as error:
        return [fact(GROUP, "not read", error)]
    except (OSError, ValueError, RecursionError) as error:
        return [fact(GROUP, "damaged", error)]
    if not isinstance(found, dict):
        return [fact(GROUP, "manifest", "none in the file")]
    return _said(found)


def _said(found: dict[str, Any]) -> list[Fact]:
    state = str(found.get("validation_state"))
    rows = [fact(GROUP, "validation", _STATES.get(state, state))]
    results = _dict(_dict(found.get("validation_results")).get("activeManifest"))
    for failure in _list(results.get("failure"))[:_MOST_ROWS]:
        code, why = _dict(failure).get("code"), _dict(failure).get("explanation")
        rows.append(fact(GROUP, "does not hold", f"{code}: {why}"))
    active = found.get("active_manifest")
    manifests = _dict(found.get("manifests"))
    order = sorted(manifests, key=lambda name: name != active)
    for number, name in enumerate(order[:_MOST_MANIFESTS]):
        manifest = _dict(manifests[name])
        where = "" if number == 0 else f"earlier manifest {number}: "
        rows.append(fact(GROUP, f"{where}manifest", name))
        for made in _list(manifest.get("claim_generator_info"))[:5]:
            info = _dict(made)
            text = f"{info.get('name')} {info.get('version', '')}".strip()
            rows.append(fact(GROUP, f"{where}made by", text))
        if "title" in manifest:
            rows.append(fact(GROUP, f"{where}title", manifest["title"]))
        signature = _dict(manifest.get("signature_info"))
        for key in ("issuer", "common_name", "time", "alg"):
            if signature.get(key):
                rows.append(fact(GROUP, f"{where}signature, {key}", signature[key]))
        for assertion in _list(manifest.get("assertions"))[:_MOST_ROWS]:
            rows += _assertion(where, _dict(assertion))
        for ingredient in _list(manifest.get("ingredients"))[:_MOST_ROWS]:
            text = f"{_dict(ingredient).get('title')} ({_dict(ingredient).get('relationship')})"
            rows.append(fact(GROUP, f"{where}made from", text))
    return rows


def _assertion(where: str, assertion: dict[str, Any]) -> list[Fact]:
    label = str(assertion.get("label"))
    actions = _list(_dict(assertion.get("data")).get("actions"))
    if not label.startswith("c2pa.actions") or not actions:
        return [fact(GROUP, f"{where}assertion", label)]
    found = []
    for action in actions[:_MOST_ROWS]:
        entry = _dict(action)
        kind = str(entry.get("digitalSourceType") or "").rsplit("/", 1)[-1]
        agent = entry.get("softwareAgent")
        agent = _dict(agent).get("name") if isinstance(agent, dict) else agent
        parts = [str(entry.get("action")), kind, str(agent or ""), str(entry.get("when") or "")]
        found.append(fact(GROUP, f"{where}action", ", ".join(part for part in parts if part)))
    return found


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
