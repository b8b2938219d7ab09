"""What the names of videos, frames and methods say, for sources that do not say it otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable

LARGEST_FRAME = 2**31 - 1  # three years at 25 frames per second, and what every store can hold
_DIGITS = re.compile(r"\d+")
_SPLIT_DIGITS = re.compile(r"(\d+)")
# (pattern of a fake's stem, template of the paired real's stem, template of the donor's stem)
_PAIR_RULES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"^(\d{3})_(\d{3})$"), r"\1", r"\2"),  # FaceForensics++
    (re.compile(r"^(id\d+)_id\d+_(\d{4})$"), r"\1_\2", ""),  # Celeb-DF
    (re.compile(r"^(\d{2})_\d{2}__(.+)__[A-Z0-9]{8}$"), r"\1__\2", ""),  # DeepFakeDetection
    (re.compile(r"^(.+)_fake$"), r"\1", ""),  # UADFV
)

_FAMILY_OF = {
    "face_swap": (
        "deepfakes df ff-df faceswap fs ff-fs faceshifter fsh ff-fh selfblend deepfakedetection "
        "celeb-synthesis celeb-df celeb-df-v2 blendface ghost hififace inswapper mobilefaceswap "
        "simswap uniface fsgan dfl dfaker iae lightweight facefusion facefusion_gan "
        "facefusion_live infoswap roop e4s facedancer deepfacelab deepfakes-dfl fo dffs dfd_fake "
        "megafs inswap mmreplacement"
    ),
    "reenactment": (
        "face2face f2f ff-f2f neuraltextures nt ff-nt dagan fsrt hyperreenact lia liveportrait "
        "mcnet tpsmm fomm mraa one_shot_free danet pirender facevid2vid hellomeme"
    ),
    "talking_face": (
        "anitalker echomimic edtalk float ip_lap real3dportrait sadtalker memo audio-driven heygen"
    ),
    "lip_sync": "wav2lip retalking videoretalking video-retalking diff2lip latentsync",
    "entire_synthesis": (
        "stylegan2 stylegan3 styleganxl sd2.1 ddim pixart dit sit vqgan rddm midjourney "
        "whichisreal collabdiff stargan starganv2 styleclip e4e"
    ),
}
_FAMILIES = {name: family for family, names in _FAMILY_OF.items() for name in names.split()}


def family_of(method: str) -> str:
    """The family of a method by its usual name, ``unknown`` if it is not a usual one."""
    return _FAMILIES.get(method.lower(), "unknown")


def natural_key(name: str) -> tuple[tuple[int, int | str], ...]:
    """Sort key by which ``frame_9`` comes before ``frame_10``."""
    return tuple(
        (0, int(part)) if part.isdigit() and part.isascii() else (1, part)
        for part in _SPLIT_DIGITS.split(name)
    )


def frame_indices(names: Iterable[str]) -> list[tuple[int, str]]:
    """(0-based frame index, name) in frame order.

    The index is the last number in the name (``frame_0012.png`` is 12). Where a name has none, or
    two names share one, the numbers say nothing and the position in natural order is used; so it
    is where one is larger than any frame number (a time stamp in nanoseconds).
    """
    ordered = sorted(names, key=natural_key)
    numbers = []
    for name in ordered:
        found = _DIGITS.findall(name.rpartition(".")[0])
        numbers.append(int(found[-1]) if found else None)
    known = [number for number in numbers if number is not None and number <= LARGEST_FRAME]
    if len(set(known)) < len(ordered):
        return list(enumerate(ordered))
    return sorted(zip(known, ordered, strict=True))


def pair_names(stem: str) -> tuple[str, str]:
    """Stems of the paired real and of the donor that a fake's stem names, ``""`` for neither."""
    for pattern, pair, donor in _PAIR_RULES:
        match = pattern.match(stem)
        if match:
            return match.expand(pair), match.expand(donor) if donor else ""
    return "", ""
