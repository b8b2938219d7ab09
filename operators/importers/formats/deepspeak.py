"""Imports DeepSpeak v1 and v2 (Barrington, Bohacek and Farid, 2024, arXiv 2408.05366).

Only names and lists matter, so the archives may be unpacked into any folders. A real is called
``<identity>-<recording>``. A v1 fake is called ``<engine>--<source>-<target>--<source
recording>-<target recording>--<n>``. A v2 fake names no person; its row in ``annotations-fake.csv``
does. The split is by person, in ``annotations-split-def.csv``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ....detector.records import VideoRecord
from ..contract import (
    Evidence,
    Importer,
    ImportOptions,
    Missing,
    Official,
    Reading,
    make_id,
    unique_stems,
)
from ..lists import bad_entry, inside, read_csv
from ..names import family_of, split_named
from ..suffixes import join, stem_of
from ..tree import GLANCE, Tree

LICENSE = (
    "DeepSpeak licence: free for academic institutions, against a fee for others; no "
    "redistribution; gated download."
)
SPLITS = "annotations-split-def.csv"
FAKES = "annotations-fake.csv"
ENGINES = {
    "1": ("facefusion", "facefusion_gan", "facefusion_live", "retalking", "wav2lip"),
    "2": ("diff2lip", "facefusion", "hellomeme", "latentsync", "liveportrait", "memo"),
}
_REAL = re.compile(r"^(\d+)-(\d+)$")
_V1 = re.compile(r"^(\w+)--(\w+)-(\w+)--(\w+)-(\w+)--(\w+)$")
_V2 = re.compile(rf"^({'|'.join(ENGINES['2'])})-(\w+)-(\w+)-(.+)$")
_ATTRIBUTES = ("audio-config", "gesture-type", "script-type", "gen-config", "kind")


@dataclass(frozen=True, slots=True)
class _Fake:
    """The known facts about a fake: engine, people, recordings, and further attributes."""

    engine: str
    source: str | None
    target: str | None
    source_recording: str | None
    target_recording: str | None
    attributes: dict[str, str]


def _list(tree: Tree, name: str) -> str | None:
    """Return the path of the list ``name``, in the root or one folder below, or None."""
    for folder in ("", *tree.folders()):
        if tree.is_file(join(folder, name)):
            return join(folder, name)
    return None


def _sample(tree: Tree) -> list[str]:
    """Return the stems of the first videos of each folder, down to four levels below the root."""
    stems = []
    for folder, names in tree.walk(limit=GLANCE):
        if folder.count("/") > 3:
            continue
        stems.extend(stem_of(name) for name in names[:40] if name.lower().endswith(".mp4"))
        if len(stems) > 400:
            break
    return stems


def _recognise(version: str):
    def recognise(tree: Tree) -> Evidence | None:
        """Recognise this version by the names of its fakes, or v2 by its list of fakes."""
        stems = _sample(tree)
        pattern = _V1 if version == "1" else _V2
        fakes = [s for s in stems if (m := pattern.match(s)) and m.group(1) in ENGINES[version]]
        reasons = []
        if fakes:
            reasons.append(f"fakes are named like those of v{version} ({fakes[0]})")
        elif version == "2" and _list(tree, FAKES) and not any(_V1.match(s) for s in stems):
            reasons.append(f"{FAKES} is there")
        if not reasons:
            return None
        if _list(tree, SPLITS):
            reasons.append(f"{SPLITS} is there")
        return Evidence(f"deepspeak-v{version}", tuple(reasons))

    return recognise


def _read(version: str):
    dataset = f"DeepSpeak-v{version}"

    def read(tree: Tree, options: ImportOptions) -> Reading:
        """Read every video that its name or the list identifies."""
        reading = Reading()
        splits = _read_splits(tree, reading)
        annotated = _read_annotations(tree, reading) if version == "2" else {}
        videos = list(tree.all_videos())
        stems = unique_stems(videos)
        seen: set[str] = set()
        for rel in videos:
            stem = stem_of(rel)
            seen.add(stem)
            match = _REAL.match(stem)
            fake = annotated.get(stem) or (_parse_v1(stem) if version == "1" else _parse_v2(stem))
            if match:
                record = _real(tree, dataset, rel, stems[rel], match, splits)
            elif fake and fake.engine in ENGINES[version]:
                record = _fake(tree, dataset, rel, stems[rel], fake, splits)
            else:
                continue
            reading.add(tree, rel, record)
        listed = _list(tree, FAKES) or FAKES
        reading.missing.extend(
            Missing(f"{stem}.mp4", listed) for stem in sorted(annotated) if stem not in seen
        )
        return reading

    return read


def _parse_v1(stem: str) -> _Fake | None:
    match = _V1.match(stem)
    if not match:
        return None
    engine, source, target, source_rec, target_rec, _ = match.groups()
    return _Fake(engine, source, target, source_rec, target_rec, {})


def _parse_v2(stem: str) -> _Fake | None:
    """Parse a v2 name, which holds the engine and the sound, but no person."""
    match = _V2.match(stem)
    if not match:
        return None
    engine, source_rec, target_rec, audio = match.groups()
    return _Fake(engine, None, None, source_rec, target_rec, {"audio_config": audio})


def _read_splits(tree: Tree, reading: Reading) -> dict[str, str]:
    """Return the split of each person."""
    rel = _list(tree, SPLITS)
    if rel is None:
        reading.warnings.append(f"{SPLITS} is missing, so no video has a split.")
        return {}
    splits: dict[str, str] = {}
    for number, row in read_csv(tree, rel, ("identity", "split")):
        split = split_named(row["split"])
        if split is None:
            if row["split"]:
                raise bad_entry(f"{rel}, line {number}", f"{row['split']!r} is not a split.")
            continue
        if splits.setdefault(row["identity"], split) != split:
            reading.conflicts.append(
                f"{rel}, line {number}: identity {row['identity']} is in "
                f"{splits[row['identity']]} and {split}; {splits[row['identity']]} is kept."
            )
    return splits


def _read_annotations(tree: Tree, reading: Reading) -> dict[str, _Fake]:
    """Return the row of each fake in annotations-fake.csv, by the fake's stem."""
    rel = _list(tree, FAKES)
    if rel is None:
        reading.warnings.append(
            f"{FAKES} is missing: the fakes have no people, no pair and no split."
        )
        return {}
    rows: dict[str, _Fake] = {}
    for number, row in read_csv(tree, rel, ("video-file", "engine")):
        name = inside(row["video-file"], f"{rel}, line {number}")
        rows[stem_of(name)] = _Fake(
            row["engine"].lower(),
            row.get("identity-source") or None,
            row.get("identity-target") or None,
            row.get("recording-source") or None,
            row.get("recording-target") or None,
            {k.replace("-", "_"): row[k] for k in _ATTRIBUTES if row.get(k)},
        )
    return rows


def _real(
    tree: Tree, dataset: str, rel: str, stem: str, match: re.Match[str], splits: dict[str, str]
) -> VideoRecord:
    person, _ = match.groups()
    split = splits.get(person)
    return VideoRecord(
        video_id=make_id(dataset, "real", "", stem),
        path=tree.absolute(rel),
        label=0,
        source_dataset=dataset,
        split=split,
        split_source="official" if split else None,
        target_id=person,
        license_note=LICENSE,
        attributes={"identity": person},
    )


def _fake(
    tree: Tree, dataset: str, rel: str, stem: str, fake: _Fake, splits: dict[str, str]
) -> VideoRecord:
    split = splits.get(fake.target) if fake.target else None
    pair = source = None
    if fake.target and fake.target_recording:
        pair = make_id(dataset, "real", "", f"{fake.target}-{fake.target_recording}")
    if fake.source and fake.source_recording:
        source = make_id(dataset, "real", "", f"{fake.source}-{fake.source_recording}")
    attributes: dict[str, str] = dict(fake.attributes)
    if fake.target:
        attributes["identity"] = fake.target
    if fake.source and fake.source != fake.target:
        attributes["source_identity"] = fake.source
    return VideoRecord(
        video_id=make_id(dataset, fake.engine, "", stem),
        path=tree.absolute(rel),
        label=1,
        source_dataset=dataset,
        method=fake.engine,
        family=family_of(fake.engine),
        split=split,
        split_source="official" if split else None,
        target_id=fake.target,
        source_id=fake.source,
        pair_id=pair,
        parents=tuple(dict.fromkeys(p for p in (pair, source) if p)),
        license_note=LICENSE,
        attributes=attributes,
    )


def _importer(version: str, official: tuple[Official, ...], name_of_fakes: str) -> Importer:
    return Importer(
        name=f"deepspeak-v{version}",
        title=f"DeepSpeak-v{version}",
        license_note=LICENSE,
        expects=(
            f"{SPLITS}   (identity,split)\n"
            + (f"{FAKES}   (video-file,engine,identity-source,...)\n" if version == "2" else "")
            + f"<identity>-<recording>.mp4 and {name_of_fakes}, in any folders"
        ),
        recognise=_recognise(version),
        read=_read(version),
        official=official,
        gotchas=(
            "The split is by the person on screen; a donor may be on the other side of it.",
            "There is no official val split.",
        ),
        aliases=(f"deepspeak{version}", f"deepspeak-{version}.0", f"deepspeak-v{version}.1"),
        url="https://huggingface.co/faridlab",
    )


IMPORTERS = (
    _importer(
        "1",
        (Official(6667, method="original", label=0), Official(6796, label=1)),
        "<engine>--<source>-<target>--<recordings>--<n>.mp4",
    ),
    _importer("2", (), "<engine>-<recording>-<recording>-<sound>.mp4"),
)
