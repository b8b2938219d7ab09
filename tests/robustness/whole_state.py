"""Takes, restores and compares everything that a database and some folders hold.

Two states are compared without what no reader sees: ids of records, times, random numbers, leases
and temporary files.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

_DROPPED = {
    *("_id", "created_at", "last_modified_at", "last_loaded_at", "last_deletion_at", "_rand"),
    *("timestamp", "uploadDate", "_dataset_id", "_sample_id", "sample_collection_name"),
    *("frame_collection_name", "started", "ended", "time", "seconds", "date", "pid", "token"),
    *("started_at", "ended_at", "updated_at", "when", "batch"),
    "imports",  # every call of an import is noted, a repeated one too
}
#: Of a training: how long it took. All else of it is compared to the last bit.
_CLOCK = {"seconds", "seconds_left", "crops_per_second"}
_RUNS = ("runs", "evaluations", "brain_methods")
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?([+-]\d\d:\d\d|Z| UTC)?|\d{8}-\d{6}"
)


class Snapshot:
    """The database and the folders as they are now."""

    def __init__(self, db: Any, folders: list[Path], kept: Path) -> None:
        self._db, self._folders, self._kept = db, folders, kept
        self._rows = {name: list(db[name].find()) for name in db.list_collection_names()}
        self._indexes = {name: list(db[name].list_indexes()) for name in self._rows}
        shutil.rmtree(kept, ignore_errors=True)
        for number, folder in enumerate(folders):
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copytree(folder, kept / str(number), symlinks=True)

    def restore(self) -> None:
        """Make everything as it was."""
        for name in set(self._db.list_collection_names()) | set(self._rows):
            rows = self._rows.get(name)
            if rows is None:
                self._db.drop_collection(name)
                continue
            self._db[name].delete_many({})
            if rows:
                self._db[name].insert_many(rows)
            there = {index["name"] for index in self._indexes[name]}
            for index in self._db[name].list_indexes():
                if index["name"] not in there:
                    self._db[name].drop_index(index["name"])
        for number, folder in enumerate(self._folders):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(self._kept / str(number), folder, symlinks=True)


def read(db: Any, folders: list[Path]) -> dict[str, Any]:
    """What a reader of the database and of the folders sees, as plain values."""
    runs = {row["_id"]: row for row in db["runs"].find()}
    saved = {row["_id"]: row for row in db["views"].find()}
    names: dict[str, str] = {}
    for dataset in db["datasets"].find():
        for row in db[dataset["sample_collection_name"]].find():
            number = row.get("frame_number")
            names[str(row["_id"])] = f"sample {row['filepath']} {number} {row.get('face_index')}"
    found: dict[str, Any] = {}
    for dataset in db["datasets"].find():
        about = {k: v for k, v in dataset.items() if k not in (*_RUNS, "saved_views")}
        about["sample_fields"] = sorted(
            json.dumps(_plain(f, names), sort_keys=True) for f in about.get("sample_fields", [])
        )
        samples = db[dataset["sample_collection_name"]]
        rows = [_plain(_without_nothing(row), names) for row in samples.find()]
        frames = []
        if dataset.get("frame_collection_name"):
            for row in db[dataset["frame_collection_name"]].find():
                owner = names.get(str(row.get("_sample_id")))
                frames.append({"of": owner, **_plain(_without_nothing(row), names)})
        found[dataset["name"]] = {
            "about": _plain(about, names),
            "samples": sorted(rows, key=_text),
            "frames": sorted(frames, key=_text),
            "indexes": sorted(index["name"] for index in samples.list_indexes()),
            "views": {
                saved[i]["name"] if i in saved else f"dangling {i}": _plain(saved.get(i), names)
                for i in dataset.get("saved_views") or []
            },
            **{
                kind: {
                    key: _run(db, runs.get(i), names)
                    for key, i in (dataset.get(kind) or {}).items()
                }
                for kind in _RUNS
            },
        }
    store = [_plain(row, names) for row in db["execution_store"].find()]
    return {
        "datasets": found,
        "store": sorted(store, key=_text),
        "files": {str(n): _files(folder) for n, folder in enumerate(folders)},
    }


def _run(db: Any, row: dict[str, Any] | None, names: dict[str, str]) -> Any:
    if row is None:
        return "dangling"
    results = row.pop("results", None)
    text = None
    if results is not None:
        parts = db["fs.chunks"].find({"files_id": results}).sort("n")
        text = b"".join(part["data"] for part in parts).decode()
        text = _plain(json.loads(text), names) if text else "gone"
    return {**_plain(row, names), "results": text}


def _without_nothing(row: dict[str, Any]) -> dict[str, Any]:
    """A field that is None and one that is missing read the same."""
    return {key: value for key, value in row.items() if value is not None}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _plain(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v, names) for k, v in value.items() if k not in _DROPPED}
    if isinstance(value, (list, tuple)):
        return [_plain(v, names) for v in value]
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, (int, bool)) or value is None:
        return value
    text = _TIME.sub("TIME", names.get(str(value), str(value)))
    text = re.sub(r"#[0-9a-f]{20,30}\b", "#MARK", text)  # of a marked view, anew each time
    return re.sub(r"\b[0-9a-f]{24}\b", lambda m: names.get(m[0], "ID"), text)


def _files(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        temporary = any(part.endswith((".tmp", ".lock")) for part in path.parts)
        if path.is_file() and not temporary:
            content = path.read_bytes()
            if re.match(r"part-[0-9a-f]{16}\.", path.name) or path.name == "SHA256SUMS":
                continue  # embeddings under names by chance; hashes of files that hold times
            if path.name == "log.txt":
                continue  # what each start of a training said, for people
            if path.suffix == ".json":
                content = _text(_plain(json.loads(content), {})).encode()
            elif path.name == "metrics.jsonl":
                lines = [json.loads(line) for line in content.splitlines()]
                content = _text(_numbers(lines)).encode()
            elif path.name == "state.pt":
                content = _text(_numbers(_loaded(path))).encode()
            elif path.suffix in (".jsonl", ".html", ".md", ".csv", ".txt"):
                content = _TIME.sub("TIME", content.decode()).encode()
            name = _TIME.sub("TIME", str(path.relative_to(folder)))
            found[name] = hashlib.sha256(content).hexdigest()
    return found


def _loaded(path: Path) -> Any:
    import torch

    return torch.load(path, weights_only=True)


def _numbers(value: Any) -> Any:
    """What a training noted but its times, as plain values; tensors by their bytes."""
    if isinstance(value, dict):
        return {str(k): _numbers(v) for k, v in value.items() if k not in _CLOCK}
    if isinstance(value, (list, tuple)):
        return [_numbers(v) for v in value]
    if hasattr(value, "numpy"):
        return hashlib.sha256(value.numpy().tobytes()).hexdigest()
    return repr(value)


def differences(a: Any, b: Any, where: str = "") -> list[str]:
    """Where two states differ, at most a few places."""
    if type(a) is not type(b) and not (isinstance(a, (int, float)) and isinstance(b, (int, float))):
        return [f"{where}: {str(a)[:200]} / {str(b)[:200]}"]
    out: list[str] = []
    if isinstance(a, dict):
        for key in sorted({*a, *b}):
            if key not in a or key not in b:
                out.append(f"{where}/{key}: only in the {'second' if key in b else 'first'}")
            else:
                out += differences(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list):
        if len(a) != len(b):
            out.append(f"{where}: {len(a)} / {len(b)} entries")
        for number, (x, y) in enumerate(zip(a, b, strict=False)):
            out += differences(x, y, f"{where}[{number}]")
    elif a != b:
        out.append(f"{where}: {str(a)[:200]} / {str(b)[:200]}")
    return out[:8]
