"""Imports AV-Deepfake1M (Cai et al., ACM MM 2024, arXiv 2311.15308) and 1M++ (2025).

``modify_type`` labels pictures and sound separately: ``audio_modified`` has real pictures. The test
split has no labels and is left out.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ....detector.records import VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Missing, Official, Reading, make_id
from ..lists import bad_entry, inside, read_json
from ..suffixes import join
from ..tree import Tree

DATASET = "AV-Deepfake1M"
LICENSE = "AV-Deepfake1M end-user licence agreement: research only, no redistribution."
TYPES = {  # modify_type -> (label of the pictures, label of the sound)
    "real": (0, "real"),
    "audio_modified": (0, "fake"),
    "visual_modified": (1, "real"),
    "both_modified": (1, "fake"),
}
SPLITS = ("train", "val")
_PERSON = re.compile(r"^(id\d+|subject_\d+)")


def _lists(tree: Tree) -> dict[str, str]:
    """Return the metadata file of each split that has one."""
    return {s: f"{s}_metadata.json" for s in SPLITS if tree.is_file(f"{s}_metadata.json")}


def recognise(tree: Tree) -> Evidence | None:
    """Recognise train_metadata.json or val_metadata.json with modify_type."""
    found = []
    for rel in _lists(tree).values():
        with open(tree.absolute(rel), errors="replace") as handle:  # noqa: PTH123 - plain string
            if "modify_type" in handle.read(4000):
                found.append(rel)
    if not found:
        return None
    return Evidence("av-deepfake1m", tuple(f"{rel} has modify_type" for rel in found))


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read the listed videos of train and val."""
    reading = Reading()
    for split, rel in _lists(tree).items():
        entries = read_json(tree, rel, list)
        base = _base(tree, split, entries)
        for number, entry in enumerate(entries, start=1):
            where = f"{rel}, entry {number}"
            if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
                raise bad_entry(where, "expected an object with 'file'.")
            if entry.get("modify_type") not in TYPES:
                raise bad_entry(where, f"modify_type {entry.get('modify_type')!r} is unknown.")
            path = inside(entry["file"], where).removeprefix(f"{split}/")
            found = tree.find(join(base, path))
            if found is None:
                reading.missing.append(Missing(join(base, path), rel))
            else:
                reading.add(tree, found, _record(tree, found, path, split, entry, where))
    if tree.is_folder("test"):
        reading.skipped["test"] = "the test split has no labels"
        tree.claim_folder("test")
    return reading


def _base(tree: Tree, split: str, entries: list[Any]) -> str:
    """Return the folder that the list's paths start from: the split's, the root, or raw_content."""
    for entry in entries[:200]:
        path = str(entry.get("file", "")).replace("\\", "/") if isinstance(entry, dict) else ""
        path = path.removeprefix(f"{split}/")
        for base in (split, "", "raw_content"):
            if path and ".." not in path and tree.find(join(base, path)):
                return base
    return split


def _record(
    tree: Tree, rel: str, path: str, split: str, entry: dict[str, Any], where: str
) -> VideoRecord:
    label, audio = TYPES[entry["modify_type"]]
    original = entry.get("original")
    folder = path.rpartition("/")[0]
    pair = None
    if entry["modify_type"] != "real":
        # In the first release, `original` is a path of this dataset. In 1M++ it may name the video
        # of VoxCeleb2 or LRS3; then the real is the one beside the fake.
        named = inside(str(original), where).removeprefix(f"{split}/") if original else ""
        within = named.split("/")[0] == path.split("/")[0] and named.endswith(".mp4")
        pair = _id(split, named if within else join(folder, "real.mp4"))
    model = entry.get("video_model")
    # All versions of one utterance are in the same folder.
    parents = [p for p in (pair, _id(split, join(folder, "real.mp4"))) if p != _id(split, path)]
    attributes: dict[str, Any] = {"modify_type": entry["modify_type"]}
    person = next((m.group(1) for p in path.split("/") if (m := _PERSON.match(p))), None)
    if person:
        attributes["identity"] = person
    for name in ("audio_model", "video_frames", "audio_frames"):
        if entry.get(name) not in (None, ""):
            attributes[name] = entry[name]
    if entry.get("visual_fake_segments"):
        attributes["fake_segments"] = json.dumps(entry["visual_fake_segments"])
    return VideoRecord(
        video_id=_id(split, path),
        path=tree.absolute(rel),
        label=label,
        source_dataset=DATASET,
        method=(model or DATASET) if label else "original",
        family="lip_sync" if label else "none",
        split=split,
        split_source="official",
        target_id=person,
        pair_id=pair,
        parents=tuple(dict.fromkeys(p for p in parents if p)),
        audio_label=audio,
        license_note=LICENSE,
        attributes=attributes,
    )


def _id(split: str, path: str) -> str:
    return make_id(DATASET, split, "", path.rpartition(".")[0])


IMPORTERS = (
    Importer(
        name="av-deepfake1m",
        title=DATASET,
        license_note=LICENSE,
        expects="{train,val}_metadata.json   (file, original, modify_type, ...)\n"
        "{train,val}/<person>/<video>/<clip>/{real,fake_video_fake_audio,...}.mp4",
        recognise=recognise,
        read=read,
        official=(Official(286721 + 860039, certain=False),),
        gotchas=(
            "audio_modified has real pictures: labelled real, with audio_label fake.",
            "The test split has no labels and is left out.",
            "In 1M++ train and val share people.",
            "The fake part is short: use max or top_k over the frames, not the mean.",
        ),
        aliases=("avdeepfake1m", "av1m", "av-deepfake1m++", "avdeepfake1mpp"),
        url="https://github.com/ControlNet/AV-Deepfake1M",
    ),
)
