"""Parses the names of videos, frames and methods, for sources that have no other metadata."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...detector.records import SPLITS

_SPLIT_WORDS = {
    **{split: split for split in SPLITS},
    "training": "train",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "testing": "test",
}


@dataclass(frozen=True, slots=True)
class NameParts:
    """The parts of a video's stem by the naming rule of its dataset; ``""`` for an absent part.

    Attributes:
        pair: stem of the real that a fake was made from
        donor: stem of the video that gives the face or the expression
        target: id of the video or person that gives frames and background
        source: id of the video or person that gives the face or the expression
        people: which of ``target`` and ``source`` are people rather than videos
    """

    pair: str = ""
    donor: str = ""
    target: str = ""
    source: str = ""
    people: tuple[str, ...] = ()

    @property
    def identities(self) -> dict[str, str]:
        """The people among target and source, as the attributes of a record."""
        names = {"target": "identity", "source": "source_identity"}
        return {names[who]: getattr(self, who) for who in self.people if getattr(self, who)}


_BOTH = ("target", "source")
# pattern of a stem -> templates of pair, donor, target and source, and which of them are people
_FAKE_RULES: tuple[tuple[re.Pattern[str], NameParts], ...] = (
    # FaceForensics++
    (re.compile(r"^(\d{3})_(\d{3})$"), NameParts(r"\1", r"\2", r"\1", r"\2")),
    # Celeb-DF: swaps and reenactments; talking faces of Celeb-DF++
    (re.compile(r"^(id\d+)_(id\d+)_(\d+)$"), NameParts(r"\1_\3", "", r"\1", r"\2", _BOTH)),
    (re.compile(r"^(id\d+)_(\d+)_test_.+$"), NameParts(r"\1_\2", "", r"\1", "", _BOTH)),
    # DeepFakeDetection
    (
        re.compile(r"^(\d{2})_(\d{2})__(.+)__[A-Z0-9]{8}$"),
        NameParts(r"\1__\3", "", r"\1", r"\2", _BOTH),
    ),
    # DeeperForensics-1.0
    (re.compile(r"^(\d{3})_([MW]\d{3})$"), NameParts(r"\1", "", r"\1", r"\2", ("source",))),
    # UADFV
    (re.compile(r"^(.+)_fake$"), NameParts(r"\1", "", r"\1")),
)
_REAL_RULES: tuple[tuple[re.Pattern[str], NameParts], ...] = (
    (re.compile(r"^(\d{3})$"), NameParts(target=r"\1")),
    (re.compile(r"^(id\d+)_\d+$"), NameParts(target=r"\1", people=_BOTH)),
    (re.compile(r"^(\d{2})__.+$"), NameParts(target=r"\1", people=_BOTH)),
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
    """Return the family of a method by its usual name, or ``unknown``."""
    return _FAMILIES.get(method.lower(), "unknown")


def split_named(word: str) -> str | None:
    """Return the split that a word in a list or folder means (``validation``: ``val``), or None."""
    return _SPLIT_WORDS.get(word.strip().lower())


def parts_of_fake(stem: str) -> NameParts:
    """Parse the stem of a fake by the naming rules of the known datasets."""
    return _first_match(_FAKE_RULES, stem)


def parts_of_real(stem: str) -> NameParts:
    """Parse the stem of a real; pair and donor are empty."""
    return _first_match(_REAL_RULES, stem)


def _first_match(rules: tuple[tuple[re.Pattern[str], NameParts], ...], stem: str) -> NameParts:
    for pattern, said in rules:
        match = pattern.match(stem)
        if match:
            pair, donor, target, source = (
                match.expand(text) for text in (said.pair, said.donor, said.target, said.source)
            )
            return NameParts(pair, donor, target, source, said.people)
    return NameParts()
