"""Selects frames and faces of a video for a recipe from all known rows.

Pure functions of the rows: no pixels, no files. The result depends only on the video, the recipe
and its count, not on the frames that an earlier run tried. A count can thus be raised or lowered,
and the same request always gives the same rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..frames.sampling import choose_frames, spread_order
from ..records import CropRecipe, Reason
from .leads import ALL, AMBIGUOUS, LARGEST, MASK, ONLY, PAIR, Lead, Person, alone, persons
from .tracks import Box, box_at, choose_subject, iou, link_tracks, scaled
from .video_faces import FaceRow, FrameFaces, VideoFaces

_FEWEST_TRIES = 1024


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows for a recipe, or the frames that are still needed for them.

    Attributes:
        frames: the chosen rows with tracks and subjects, by index; empty if frames are missing
        missing: frame numbers to read first, in the order of their use
    """

    frames: tuple[FrameFaces, ...]
    missing: tuple[int, ...]


def most_tries(count: int) -> int:
    """Return the maximum number of frames that ``spread`` tries: 16 x ``count``, at least 1024.

    Without a limit, a long video without a face would be searched to its last frame.
    """
    return max(_FEWEST_TRIES, 16 * count)


def select(
    rows: Mapping[int, FrameFaces],
    numbers: Sequence[int],
    recipe: CropRecipe,
    policy: str,
    leads: Sequence[Lead] = (),
) -> Selection:
    """Choose frames and subjects.

    ``spread`` takes the first ``count`` frames of the spread order. It then adds as many frames as
    have no usable subject so far, and repeats this until ``count`` frames are usable, all frames
    are used or :func:`most_tries` is reached.

    Args:
        rows: known rows by frame number
        numbers: every frame number of the source, ascending
        recipe: only its sampling mode and count are used
        policy: ``mask`` | ``pair`` | ``largest`` | ``all``
        leads: leads of a real's fakes, followed under ``largest``, see :mod:`.leads`
    """
    if recipe.sampling != "spread":
        positions = choose_frames(len(numbers), recipe.count, recipe.sampling)
        return _all_of([numbers[p] for p in positions], rows, policy, leads)
    limit = min(len(numbers), most_tries(recipe.count))
    order = [numbers[p] for p in spread_order(len(numbers), limit)]
    taken = min(recipe.count, limit)
    while True:
        chosen = _all_of(order[:taken], rows, policy, leads)
        if chosen.missing:
            return Selection((), _with_spares(order, taken, rows, recipe.count, limit))
        short = recipe.count - sum(frame.reason is None for frame in chosen.frames)
        if short <= 0 or taken >= limit:
            return chosen
        taken = min(limit, taken + short)


def _with_spares(
    order: list[int], taken: int, rows: Mapping[int, FrameFaces], count: int, limit: int
) -> tuple[int, ...]:
    """Return what is missing of the first ``taken`` frames, plus spares where faces are rare.

    Each further pass over a video costs a decode. A later pass therefore reads as many frames as
    the share of frames with a face so far suggests. Spares do not change the result.
    """
    known = [rows[n] for n in order[:taken] if n in rows]
    if known:
        good = sum(any(face.reason is None for face in row.faces) for row in known)
        rate = max(good / len(known), 0.1)
        taken = min(limit, max(taken, len(known) + round((count - good) / rate)))
    return tuple(n for n in order[:taken] if n not in rows)


def _all_of(
    wanted: list[int], rows: Mapping[int, FrameFaces], policy: str, leads: Sequence[Lead]
) -> Selection:
    missing = tuple(n for n in wanted if n not in rows)
    if missing:
        return Selection((), missing)
    return Selection(with_subjects({n: rows[n] for n in wanted}, policy, leads), ())


def with_subjects(
    rows: Mapping[int, FrameFaces], policy: str, leads: Sequence[Lead] = ()
) -> tuple[FrameFaces, ...]:
    """Return rows by index with tracks, subjects, the basis of the choice, and reasons."""
    faces = _at_one_size(rows)
    numbers = link_tracks(faces)
    overlap = {
        index: [f.pair_overlap if policy == "pair" else f.mask_overlap for f in row.faces]
        for index, row in rows.items()
    }
    found: dict[int, Person] = {}
    if policy == "largest" and leads:
        found = persons(leads, faces, numbers, _first_size(rows))
    if found:
        subjects = {index: [n in found for n in numbers[index]] for index in rows}
        why = found
    else:
        subjects = choose_subject(policy, faces, numbers, overlap)
        usual = {"mask": MASK, "pair": PAIR, "all": ALL}.get(policy)
        several = AMBIGUOUS if leads else LARGEST  # leads, but no face where they point
        one = Person(usual or (ONLY if alone(faces, numbers) else several))
        why = dict.fromkeys((n for row in numbers.values() for n in row), one)
    return tuple(_settled(rows[i], numbers[i], subjects[i], why) for i in sorted(rows))


@dataclass(frozen=True, slots=True)
class _Placed:
    """A face's box scaled to the size of the video's first frame."""

    box: tuple[float, float, float, float]


def _at_one_size(rows: Mapping[int, FrameFaces]) -> dict[int, Sequence[FaceRow | _Placed]]:
    """Return the faces of each frame at one scale, because a stream may change its size."""
    sizes = {(row.width, row.height) for row in rows.values() if row.width and row.height}
    if len(sizes) < 2:
        return {index: row.faces for index, row in rows.items()}
    size = _first_size(rows)
    return {
        index: [_Placed(scaled(face.box, (row.width, row.height), size)) for face in row.faces]
        for index, row in rows.items()
    }


def _first_size(rows: Mapping[int, FrameFaces]) -> tuple[int, int]:
    """Return (width, height) of the first frame that has a size."""
    sizes = ((rows[i].width, rows[i].height) for i in sorted(rows))
    return next(((w, h) for w, h in sizes if w and h), (1, 1))


def _settled(
    row: FrameFaces, tracks: Sequence[int], subjects: Sequence[bool], why: Mapping[int, Person]
) -> FrameFaces:
    faces = tuple(
        replace(
            face,
            track=track,
            subject=subject,
            chosen_by=why[track].chosen_by if subject else "",
            shown_for=why[track].fakes if subject and len(why) > 1 else (),
            reason=face.reason if subject or face.reason else Reason.NOT_SUBJECT.value,
            crop=face.crop if subject else None,
            crop_sha256=face.crop_sha256 if subject else None,
        )
        for face, track, subject in zip(row.faces, tracks, subjects, strict=True)
    )
    if any(face.subject and face.reason is None for face in faces):
        reason = None
    else:
        chosen = [face.reason for face in faces if face.subject]
        reason = row.reason or (chosen[0] if chosen else Reason.NOT_SUBJECT.value)
    return replace(row, faces=faces, reason=reason)


def crop_wanted(face: FaceRow) -> bool:
    """Return True for a chosen face that can be cropped."""
    return face.subject and face.reason is None


def with_pair(
    rows: Mapping[int, FrameFaces], paired: VideoFaces | None, size: tuple[int, int]
) -> dict[int, FrameFaces]:
    """Return rows with ``pair_overlap``: the highest IoU with one of the paired real's subjects.

    If the real was not sampled at a frame, a subject's box is interpolated between the neighbouring
    samples. If it was sampled and shows no subject, the row's reason is ``no_pair``.

    Args:
        rows: rows of the manipulated video
        paired: result of the real, or None
        size: (width, height) of the manipulated video, to scale both to one size
    """
    boxes: dict[int, dict[int, Box]] = {}  # track -> frame -> box
    sampled: set[int] = set()
    if paired is not None:
        sampled = {frame.index for frame in paired.frames}
        whole = (paired.width, paired.height)
        for frame in paired.frames:
            own = (frame.width or whole[0], frame.height or whole[1])
            for face in frame.faces:
                if face.subject:
                    boxes.setdefault(face.track, {})[frame.index] = scaled(face.box, own, size)
    found: dict[int, FrameFaces] = {}
    for index, row in rows.items():
        known = [
            box
            for of_one in boxes.values()
            if (box := of_one.get(index) if index in sampled else box_at(of_one, index))
        ]
        unpaired = row.reason in (None, Reason.NO_PAIR.value)
        if not known:
            faces = tuple(replace(face, pair_overlap=None) for face in row.faces)
            reason = Reason.NO_PAIR.value if unpaired else row.reason
        else:
            own = (row.width or size[0], row.height or size[1])
            there = [scaled(box, size, own) for box in known]
            faces = tuple(
                replace(face, pair_overlap=max(iou(face.box, box) for box in there))
                for face in row.faces
            )
            reason = None if unpaired else row.reason
        found[index] = replace(row, faces=faces, reason=reason)
    return found


def lead_of(fake: VideoFaces) -> Lead | None:
    """Return the lead of a fake for its real, or None if the fake shows no subject."""
    boxes = []
    sure = True
    for frame in fake.frames:
        for face in frame.faces:
            if face.subject:
                boxes.append((float(frame.index), *map(float, face.box)))
                sure = sure and face.chosen_by != LARGEST
                break
    if not boxes or not fake.width or not fake.height:
        return None
    return Lead(fake.video_id, (fake.width, fake.height), tuple(boxes), sure)


def video_reason(frames: Sequence[FrameFaces]) -> str | None:
    """Return None if a frame is usable, else the frames' most frequent reason (ties: by name)."""
    if any(frame.reason is None for frame in frames):
        return None
    reasons = Counter(frame.reason for frame in frames if frame.reason)
    if not reasons:
        return Reason.NO_FACE.value
    return min(reasons, key=lambda reason: (-reasons[reason], reason))
