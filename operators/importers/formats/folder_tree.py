"""Imports any folder tree, described by a pattern with named parts.

``{split}/{label}/{video}.mp4`` reads the split, the label and the name of each video from its path;
``{dataset}/{label}/{video}/{frame}.png`` reads frames. ``*`` matches anything within a part. The
names ``label``, ``video``, ``frame``, ``split``, ``method``, ``compression``, ``dataset``,
``target``, ``source``, ``pair`` have a meaning. Any other name becomes a field.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

from ....detector.errors import ForensicsError
from ....detector.files.frame_numbers import frame_indices
from ....detector.records import FAKE, REAL, UNKNOWN, UNLABELLED, VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Reading, make_id
from ..names import family_of, parts_of_fake, split_named
from ..suffixes import is_image, is_video, join
from ..tree import Tree

LICENSE = "Not stated: the terms of your data apply."
MEANINGS = (
    "label",
    "video",
    "frame",
    "split",
    "method",
    "compression",
    "dataset",
    "target",
    "source",
    "pair",
)
_SOUNDS_REAL = re.compile(r"(?i)(?:^|[^a-z0-9])(?:real|original|pristine)s?(?:$|[^a-z0-9])")
_NOBODY_KNOWS = (UNLABELLED, "unlabelled", "unlabeled", "none")
_PART = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}|(\*)")


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern; suffixes match in either case.

    Raises:
        ForensicsError: no ``{video}``, a part named twice, or a bad path
    """
    text = pattern.replace("\\", "/").strip().strip("/")
    if not text or ".." in text.split("/"):
        raise ForensicsError(
            f"The pattern {pattern!r} is not a path below the folder.",
            "For example {label}/{method}/{video}.mp4",
            "pattern",
        )
    names = [m.group(1) for m in _PART.finditer(text) if m.group(1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ForensicsError(
            f"The pattern names {{{twice[0]}}} twice.", "Name each part once.", "pattern"
        )
    if "video" not in names:
        raise ForensicsError(
            f"The pattern {pattern!r} needs {{video}}.",
            "For example {label}/{method}/{video}.mp4, or {video}.mp4 without labels.",
            "pattern",
        )
    out, end = [], 0
    for match in _PART.finditer(text):
        out.append(re.escape(text[end : match.start()]))
        out.append(f"(?P<{match.group(1)}>[^/]+)" if match.group(1) else "[^/]*")
        end = match.end()
    out.append(re.escape(text[end:]))
    expression = "".join(out)
    try:
        head, dot, suffix = expression.rpartition(r"\.")
        if dot and "/" not in suffix and "(" not in suffix:
            return re.compile(f"{head}{dot}(?i:{suffix})$")
        return re.compile(f"{expression}$")
    except re.error as error:
        raise ForensicsError(
            f"The pattern {pattern!r} is not understood: {error}.", "", "pattern"
        ) from error


def recognise(tree: Tree) -> Evidence | None:
    """Return None: a tree is never recognised by itself, the user's pattern describes it."""
    return None


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read every file that the pattern matches."""
    if not options.pattern:
        raise ForensicsError(
            "The format tree needs a pattern.",
            "For example {label}/{method}/{video}.mp4",
            "pattern",
        )
    expression = compile_pattern(options.pattern)
    with_frames = "frame" in expression.groupindex
    reading = Reading()
    frames: dict[tuple[tuple[str, str], ...], list[tuple[str, str]]] = defaultdict(list)
    for folder, names in tree.walk():
        for name in names:
            rel = join(folder, name)
            if not (is_image(name) if with_frames else is_video(name)):
                continue
            match = expression.match(rel)
            if not match:
                continue
            parts = match.groupdict()
            if with_frames:
                frame = parts.pop("frame")
                frames[tuple(sorted(parts.items()))].append((frame, rel))
            else:
                tree.claim(rel)
                reading.records.append(_record(tree, rel, parts, options))
    refused: list[ForensicsError] = []
    for key, rels in frames.items():
        try:
            reading.records.append(_sequence(tree, dict(key), rels, options))
        except ForensicsError as error:
            folder = rels[0][1].rpartition("/")[0]
            reading.skipped[folder] = str(error).removeprefix(folder).lstrip(": ")
            tree.claim(*(rel for _, rel in rels))
            refused.append(error)
    if refused and not reading.records:  # a fault of the pattern, not of one folder
        raise refused[0]
    if not reading.records:
        raise ForensicsError(
            f"No file matches the pattern {options.pattern!r}.",
            f"A file there is {_an_example(tree)!r}.",
            "pattern",
        )
    fakes = [record for record in reading.records if record.label == FAKE]
    odd = sorted({r.method for r in fakes if _SOUNDS_REAL.search(r.method)})
    if odd:
        reading.warnings.append(
            f"{', '.join(odd)} is read as fake; name it in real_names if it is real."
        )
    _link(reading)
    return reading


def _an_example(tree: Tree) -> str:
    for folder, names in tree.walk():
        for name in names:
            if is_image(name) or is_video(name):
                return join(folder, name)
    return ""


def _record(tree: Tree, rel: str, parts: dict[str, str], options: ImportOptions) -> VideoRecord:
    """Return a record by the named parts of its path."""
    real_names = {name.lower() for name in options.real_names}
    named = parts.get("method")
    kind = parts.get("label") or named or UNLABELLED
    label = REAL if kind.lower() in real_names else FAKE
    label = UNKNOWN if kind.lower() in _NOBODY_KNOWS else label
    if not named and kind.lower() not in ("fake", "1", "fakes", "synthetic", "manipulated"):
        named = kind
    method = "original" if label == REAL else named or "unknown"
    word = parts.get("split", "")
    split = split_named(word)
    if word and split is None:
        raise ForensicsError(
            f"{rel}: {parts['split']!r} is not a split.", "Use train, val or test.", "pattern"
        )
    dataset = parts.get("dataset") or options.dataset_name or tree.root.name
    subset = [parts[name] for name in ("split", "label", "method") if name in parts]
    extra = {k: v for k, v in parts.items() if k not in MEANINGS}
    attributes: dict[str, Any] = dict(extra)
    return VideoRecord(
        video_id=make_id(
            dataset,
            "/".join(dict.fromkeys([*subset, *extra.values()])),
            parts.get("compression", ""),
            parts["video"],
        ),
        path=tree.absolute(rel),
        label=label,
        source_dataset=dataset,
        method=method,
        family="none" if label == REAL else family_of(method),
        compression=parts.get("compression", ""),
        split=split,
        split_source="official" if split else None,
        target_id=parts.get("target"),
        source_id=parts.get("source"),
        pair_id=parts.get("pair"),
        license_note=LICENSE,
        aligned=options.aligned,
        attributes=attributes,
    )


def _sequence(
    tree: Tree, parts: dict[str, str], found: list[tuple[str, str]], options: ImportOptions
) -> VideoRecord:
    """Return the record of a video, from the ``{frame}`` and the path of each of its frames."""
    by_frame = {f"{frame}.": rel for frame, rel in found}
    if len(by_frame) < len(found):
        frame, _ = Counter(frame for frame, _ in found).most_common(1)[0]
        first, second, *_ = (rel for other, rel in found if other == frame)
        raise ForensicsError(
            f"{parts['video']!r} has two frames called {frame!r}: {first} and {second}.",
            "Name what is different between them in the pattern, for example {part}.",
            "pattern",
        )
    folder = found[0][1].rpartition("/")[0]
    record = _record(tree, found[0][1], parts, options)
    frames = frame_indices(by_frame, folder)
    tree.claim(*(by_frame[frame] for _, frame in frames))
    return replace(
        record,
        path=tree.absolute(folder),
        frames=tuple((n, tree.absolute(by_frame[frame])) for n, frame in frames),
    )


def _link(reading: Reading) -> None:
    """Set pairs by ``{pair}`` or ``{target}``, else by the usual names, among the reals."""
    reals: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for record in reading.records:
        if record.label == REAL:
            name = record.video_id.rpartition("/")[2]
            reals[record.source_dataset, record.compression, name].append(record.video_id)
    for i, record in enumerate(reading.records):
        if record.label != FAKE:
            continue
        name = record.video_id.rpartition("/")[2]
        said = parts_of_fake(name)
        wanted = record.pair_id or record.target_id or said.pair or name
        key = (record.source_dataset, record.compression)
        found = reals.get((*key, wanted), [])
        donors = reals.get((*key, record.source_id or said.donor), [])
        reading.records[i] = replace(
            record,
            pair_id=found[0] if len(found) == 1 else None,
            pair_status="ambiguous" if len(found) > 1 else "missing",
            parents=tuple(dict.fromkeys((*found, *donors, *_absent(record, wanted, said.donor)))),
        )


def _absent(record: VideoRecord, pair: str, donor: str) -> list[str]:
    """Return the parents that the name or the pattern gives, even if they are absent.

    So two fakes of one absent real are in one group.
    """
    named = [record.pair_id or record.target_id or (pair if donor else ""), donor]
    return [make_id(record.source_dataset, "pair", "", name) for name in named if name]


IMPORTERS = (
    Importer(
        name="tree",
        title="Folder tree by a pattern",
        license_note=LICENSE,
        expects="what your pattern says, for example {split}/{label}/{method}/{video}.mp4",
        recognise=recognise,
        read=read,
        official_split=False,
        gotchas=(
            "A {label} that is none of the real names (real, original, ...) is fake, and names the "
            "method where the pattern has no {method}; one called unknown, and a pattern without "
            "{label} and {method}, gives videos without a label.",
        ),
        aliases=("folder-tree", "pattern"),
    ),
)
