"""Reads from a person's own samples which are real and which are fake, and what can be taken.

Every error names the argument that it is about, and so the form's field, and says what is there
instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone as fo
import fiftyone.core.media as fomm

from ...detector.errors import ForensicsError
from ...detector.records import FAKE, REAL
from ..dataset import fields, views

IN_PLACE, SLICES, CLIPS, FRAMES, PEOPLE = "in place", "slices", "clips", "frames", "people"
#: Words that mean real and fake by default.
REAL_WORDS = ("real", "original", "pristine", "genuine", "authentic", "bonafide", "bona fide", "0")
FAKE_WORDS = ("fake", "deepfake", "manipulated", "synthetic", "forged", "generated", "1")
MOST_VALUES = 200  # most values of a label field
_ONE = (fo.Classification, fo.Detection, fo.TemporalDetection)
_PLAIN = (fo.StringField, fo.BooleanField, fo.IntField, fo.FloatField)


@dataclass(frozen=True, slots=True)
class Choice:
    """The statements of a person about the samples: names of fields, None for none.

    Attributes:
        label_field: field whose values say real or fake; ``tags``, or the group field of slices
        real, fake, unlabelled: its values with this meaning; None for the usual words
        source_field, method_field, compression_field, split_field, person_field: fields for our
            ``source_dataset``, ``method``, ``compression``, ``split`` and ``target_id``
        group_fields: samples that share a value of one of them are never divided by a split
        video_field, frame_field: of images: which video, and which frame of it (from 1)
        slices: slices of a grouped dataset; all by default
        aligned: whether the images are already face crops
    """

    label_field: str
    real: tuple[str, ...] | None = None
    fake: tuple[str, ...] | None = None
    unlabelled: tuple[str, ...] = ()
    source_field: str | None = None
    method_field: str | None = None
    compression_field: str | None = None
    split_field: str | None = None
    person_field: str | None = None
    group_fields: tuple[str, ...] = ()
    video_field: str | None = None
    frame_field: str | None = None
    slices: tuple[str, ...] = ()
    aligned: bool = False


def kind_of(samples: Any) -> str:
    """Return how ``samples`` can be taken: :data:`IN_PLACE`, or the kind of view they are.

    Raises:
        ForensicsError: if they are neither videos nor images, or a dataset that this plugin made
    """
    dataset = views.dataset_of(samples)
    for kind, is_so in ((CLIPS, "_is_clips"), (PEOPLE, "_is_patches"), (FRAMES, "_is_frames")):
        if getattr(samples, is_so, False):
            return kind
    about = fields.describe(dataset)
    if about.get("kind") and not fields.is_adopted(dataset):
        raise ForensicsError(
            f"{dataset.name!r} was already made by this plugin.",
            "Go on with 'Extract faces' or 'Score faces'.",
        )
    if dataset.media_type == fomm.GROUP:
        return SLICES
    if samples.media_type not in (fomm.VIDEO, fomm.IMAGE):
        raise ForensicsError(
            f"{dataset.name!r} holds {samples.media_type or 'nothing'}, not videos or images.",
            "Open a dataset or view of videos or images.",
        )
    return IN_PLACE


def flat_samples(samples: Any, choice: Choice) -> Any:
    """Return the samples one by one: all those of the slices, and all of dynamic groups.

    Raises:
        ForensicsError: if there is no such slice, or the slices are of different media
    """
    view = views.flat(samples)
    if view.media_type != fomm.GROUP:
        return view
    media = {n: m for n, m in view.group_media_types.items() if m in (fomm.VIDEO, fomm.IMAGE)}
    unknown = [name for name in choice.slices if name not in media]
    if unknown:
        raise ForensicsError(
            f"There is no slice {unknown[0]!r} of videos or images.",
            f"There are: {', '.join(media) or 'none'}.",
            "slices",
        )
    names = list(choice.slices or media)
    if len({media[name] for name in names}) != 1:
        raise ForensicsError(
            "The slices hold videos and images: " + ", ".join(f"{n} {media[n]}" for n in names),
            "Choose slices of one kind.",
            "slices",
        )
    return view.select_group_slices(names)


def label_path(view: Any, field: str, argument: str = "label_field") -> str:
    """Return the path of the one text, number or flag that ``field`` holds on each sample.

    Raises:
        ForensicsError: if there is no such field, or it may hold several values per sample
    """
    if not field:
        raise ForensicsError("No field is chosen.", "Choose one.", argument)
    if field == "tags":
        return field
    for place in (view, view._root_dataset):
        found = place.get_field(field) if not field.startswith("frames.") else None
        if found is not None:
            break
    else:
        raise ForensicsError(
            f"{view._root_dataset.name!r} has no field {field!r} on its samples.",
            f"There are: {', '.join(candidates(view)) or 'none that could say it'}.",
            argument,
        )
    if isinstance(found, _PLAIN):
        return field
    kind = getattr(found, "document_type", None)
    if isinstance(kind, type) and issubclass(kind, _ONE):
        return f"{field}.label"
    if isinstance(kind, type) and issubclass(kind, fo.Classifications):
        return f"{field}.classifications.label"
    if isinstance(kind, type) and issubclass(kind, fo.Group):
        return f"{field}.name"
    what = kind.__name__ if isinstance(kind, type) else type(found).__name__
    hint = "Choose a Classification, a text, a number, a flag or 'tags'."
    if isinstance(kind, type) and issubclass(kind, fo.Detections):
        hint = f"Use the people in it: the view to_patches({field!r}) has a label for each."
    if isinstance(kind, type) and issubclass(kind, fo.TemporalDetections):
        hint = f"Use the clips in it: the view to_clips({field!r}) has a label for each."
    raise ForensicsError(
        f"{field!r} holds {what}, which does not give one value per sample.", hint, argument
    )


def candidates(view: Any) -> list[str]:
    """Return the fields that could say real or fake of a sample."""
    found = ["tags"]
    source = {} if view._root_dataset is view._dataset else view._root_dataset.get_field_schema()
    for name, field in {**source, **view.get_field_schema()}.items():
        kind = getattr(field, "document_type", None)
        label = isinstance(kind, type) and issubclass(kind, (*_ONE, fo.Classifications, fo.Group))
        dated = name in ("id", "filepath", "created_at", "last_modified_at", "sample_id")
        if (
            (label or isinstance(field, _PLAIN))
            and not dated
            and not name.startswith(fields.PREFIX)
        ):
            found.append(name)
    return found


def texts(view: Any, field: str, argument: str) -> list[list[str]]:
    """Return the texts of ``field`` per sample; of a generated view, also those of its source.

    Raises:
        ForensicsError: as :func:`label_path`
    """
    path = label_path(view, field, argument)
    if path == "tags" or view.get_field(path.split(".")[0]) is not None:
        values = view.values(path)
    else:
        of_source = dict(zip(*view._root_dataset.values(["id", path]), strict=True))
        values = [of_source.get(source) for source in view.values("sample_id")]
    rows = (value if isinstance(value, list) else [value] for value in values)
    return [[text for v in row if (text := _text(v)) is not None] for row in rows]


def _text(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


def values_of(view: Any, field: str) -> Counter[str]:
    """Count how often each value of a label field occurs.

    Raises:
        ForensicsError: as :func:`label_path`, or if there are too many values to be labels
    """
    found = Counter(value for row in texts(view, field, "label_field") for value in row)
    if len(found) > MOST_VALUES:
        raise ForensicsError(
            f"{field!r} has {len(found):,} different values (for example "
            f"{', '.join(map(repr, list(found)[:3]))}): these are not labels.",
            "Choose the field that says real or fake.",
            "label_field",
        )
    return found


def meanings(found: Counter[str], choice: Choice) -> dict[str, int | None]:
    """Map values to real, fake or None (unlabelled), as far as ``choice`` gives their meaning."""
    real = choice.real if choice.real is not None else _usual(found, REAL_WORDS, choice.fake)
    fake = choice.fake if choice.fake is not None else _usual(found, FAKE_WORDS, choice.real)
    said: dict[str, int | None] = dict.fromkeys(choice.unlabelled)
    for values, label, argument in ((real, REAL, "real"), (fake, FAKE, "fake")):
        for value in map(str, values):
            if said.get(value, label) != label or value in choice.unlabelled:
                raise ForensicsError(
                    f"The value {value!r} is given two meanings.", "Name it once.", argument
                )
            said[value] = label
    return said


def _usual(
    found: Iterable[str], words: Sequence[str], other: Sequence[str] | None
) -> tuple[str, ...]:
    return tuple(value for value in found if value.lower() in words and value not in (other or ()))


def labels(view: Any, choice: Choice) -> list[int | None]:
    """Return real, fake or None for each sample.

    Raises:
        ForensicsError: if the meaning of a value is unknown, a sample is called both, or nothing is
            real or fake
    """
    found = values_of(view, choice.label_field)
    said = meanings(found, choice)
    tags = choice.label_field == "tags"  # other tags are about other things
    unknown = [] if tags else [value for value in found if value not in said]
    if unknown:
        shown = ", ".join(f"{value!r} ({found[value]:,})" for value in unknown[:8])
        raise ForensicsError(
            f"It is not stated whether {shown} of {choice.label_field!r} are real or fake.",
            "Name them under real=, fake= or unlabelled=.",
            "fake",
        )
    rows = texts(view, choice.label_field, "label_field")
    out: list[int | None] = []
    for row in rows:
        meant = {said[value] for value in row if said.get(value) is not None}
        if len(meant) > 1:
            raise ForensicsError(
                f"A sample is real and fake at once: {', '.join(row)}.",
                "Correct it, or choose another field.",
                "label_field",
            )
        out.append(next(iter(meant), None))
    if not any(label is not None for label in out):
        raise ForensicsError(
            f"{choice.label_field!r} labels no sample as real or fake.",
            f"Its values: {', '.join(map(repr, list(found)[:8])) or 'none'}. Name them under "
            "real= and fake=.",
            "label_field",
        )
    return out
