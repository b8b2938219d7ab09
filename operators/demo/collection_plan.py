"""Lists the four small datasets of the demo's collection: clips, people, capture and encoder.

Each person is in one dataset only, apart from training people. Each real clip has one fake of each
method; the setting (visible or subtle) alternates, so that all have the same background, person,
length and encoder as their real. Splits are those of :data:`.clips.PEOPLE`, but for the moves named
in ``SPLIT_OF``, which leave eight groups of people for the test.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from .clips import CLIPS, FPS, PEOPLE, ClipPlan
from .effects import SETTINGS
from .encode import H264, MPEG4
from .portraits import PORTRAIT_CLIPS, PORTRAIT_PEOPLE

FACE_SWAP, SELF_BLEND = "FaceSwap", "SelfBlend"
BOTTLENECK, EXPRESSION = "Bottleneck", "ExpressionWarp"
METHODS = (FACE_SWAP, SELF_BLEND, BOTTLENECK, EXPRESSION)
FRAMES = 16
"""Frames of each clip."""

SPLIT_OF = {
    **{name: person.split for name, person in (PEOPLE | PORTRAIT_PEOPLE).items()},
    **dict.fromkeys([f"group-{number}" for number in range(1, 6)], "test"),
    "studio-man": "val",
}


TAKE = 200
"""Number N + 200 k is take k of clip N: another path of the camera, the other settings."""
_CLIPS = {clip.number: clip for clip in (*CLIPS, *PORTRAIT_CLIPS)}


@dataclass(frozen=True, slots=True)
class DatasetPlan:
    """One dataset of the collection.

    Attributes:
        name: name of its folder
        layout: ``faceforensics``, ``celeb-df``, ``dfdc`` or ``frames``
        size: side of a clip in pixels
        fps: frames per second
        encoder: see :func:`encode.write_clip`
        quality: its ``crf``
        numbers: clips, by their numbers in :data:`.clips.CLIPS` and, only for training, in
            :data:`.portraits.PORTRAIT_CLIPS`, or further takes of them
        about: capture and compression in one line
    """

    name: str
    layout: str
    size: int
    fps: int
    encoder: str
    quality: int
    numbers: tuple[int, ...]
    about: str

    @property
    def clips(self) -> tuple[ClipPlan, ...]:
        """The real clips, at the size and the rate of this dataset."""
        return tuple(
            replace(
                _CLIPS[number % TAKE],
                number=number,
                step=_CLIPS[number % TAKE].step * FPS / self.fps,
                size=self.size,
                frames=FRAMES,
                fps=self.fps,
            )
            for number in sorted(self.numbers)
        )


DATASETS = (
    DatasetPlan(
        *("ff-style", "faceforensics", 384, 12, H264, 23),
        (0, 1, 2, 3, *range(200, 204), 10, 11, *range(20, 26), *range(100, 108)),
        "photographs in motion and group pictures, H.264 at CRF 23",
    ),
    DatasetPlan(
        *("Celeb-DF-v2-style", "celeb-df", 512, 15, H264, 18),
        (4, 26, 27, 28, 204, *range(226, 229), 12, 13, *range(108, 116)),
        "studio portraits in motion, large, H.264 at CRF 18",
    ),
    DatasetPlan(
        *("dfdc-style", "dfdc", 320, 12, MPEG4, 9),
        (*range(14, 20), *range(29, 36), *range(116, 124)),
        "webcam, car and small cameras, people who move, MPEG-4 part 2 at quantiser 9",
    ),
    DatasetPlan(
        *("gend-style", "frames", 384, 12, H264, 30),
        (*range(6, 10), *range(206, 210)),
        "a group picture in motion, H.264 at CRF 30, then aligned crops as JPEG; test people only",
    ),
)

# Swaps with another face, only where licence and content make that decent (clips.Person.swap):
# everybody else is given the mirror image of the own face.
_DONORS = {
    **{14: 16, 15: 17, 16: 14, 17: 15, 18: 14, 19: 15},  # the same woman, another moment
    **{10: 12, 11: 13, 12: 10, 13: 11},
    **{116: 122, 117: 123, 118: 122, 119: 123, 120: 122, 121: 123, 122: 116, 123: 117},
}


@dataclass(frozen=True, slots=True)
class FakePlan:
    """One fake: the real clip it is made from, method, setting, and whose face it gets.

    ``donor`` is the number of another clip in the same dataset, or None: the own face, mirrored.
    """

    clip: ClipPlan
    method: str
    setting: str
    donor: int | None = None


def fakes_of(
    clips: tuple[ClipPlan, ...], chosen: Iterable[ClipPlan] | None = None
) -> tuple[FakePlan, ...]:
    """Return the fakes of real clips: each method once, settings in turn by person.

    Args:
        clips: all real clips of a dataset for which there is footage
        chosen: only the fakes of these
    """
    seen: dict[tuple[str, int], int] = {}
    numbers = {clip.number for clip in clips}
    wanted = numbers if chosen is None else {clip.number for clip in chosen}
    found = []
    for clip in clips:
        take, first = divmod(clip.number, TAKE)
        turn = seen.get((clip.person, take), take)
        seen[clip.person, take] = turn + 1
        donor = _DONORS.get(first, -1) + take * TAKE
        for place, method in enumerate(METHODS if clip.number in wanted else ()):
            face = donor if method == FACE_SWAP and donor in numbers else None
            found.append(FakePlan(clip, method, SETTINGS[(turn + place) % 2], face))
    return tuple(found)
