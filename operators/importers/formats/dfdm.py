"""Imports DFDM (Jia, Li and Lyu, ICIP 2022, arXiv 2202.12951): five autoencoders on Celeb-DF v2.

``id<t>_id<s>_<rec>_<tag>`` shows person s swapped into Celeb-real/id<t>_<rec>; the tag ends with
the model. The release has no reals: its reals are those of Celeb-DF v2.
"""

from __future__ import annotations

import re

from ....detector.records import VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Official, Reading, make_id
from ..suffixes import join, stem_of
from ..tree import GLANCE, Tree
from .celeb_df import LICENSE as CELEB_LICENSE

DATASET = "DFDM"
CELEB = "Celeb-DF-v2"
LICENSE = "DFDM: academic research only, non-commercial; access by form."
MODELS = {
    "dfaker": "dfaker",
    "dfl": "dfl-h128",
    "dfl-h128": "dfl-h128",
    "dflh128": "dfl-h128",
    "h128": "dfl-h128",
    "faceswap": "faceswap",
    "iae": "iae",
    "lightweight": "lightweight",
}
_FAKE = re.compile(r"^(id\d+)_(id\d+)_(\d+)_(.+)$")
_REAL = re.compile(r"^(id\d+)_(\d+)$")
_CRF = re.compile(r"(?i)(?:crf|^c)[-_]?(0|10|23)$")


def _model(text: str) -> str | None:
    """Return the model that a tag (``4dfaker``) or a folder (``DFL-H128``) names, or None."""
    return MODELS.get(re.sub(r"^\d+", "", text.lower().replace("_", "-").strip("-")))


def recognise(tree: Tree) -> Evidence | None:
    """Recognise videos with a model in their names."""
    seen = 0
    for folder, names in tree.walk(limit=GLANCE):
        if folder.count("/") > 4:
            continue
        for name in names:
            match = _FAKE.match(stem_of(name))
            if match and _model(match.group(4)):
                return Evidence(
                    "dfdm", (f"videos are named id<t>_id<s>_<rec>_<model> ({join(folder, name)})",)
                )
            seen += 1
        if seen > 20_000:
            break
    return None


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read the fakes, and Celeb-real if the root has it."""
    reading = Reading()
    for rel in tree.all_videos():
        stem = stem_of(rel)
        fake, real = _FAKE.match(stem), _REAL.match(stem)
        if fake:
            method = _model(fake.group(4)) or next(
                (m for part in rel.split("/")[:-1] if (m := _model(part))), None
            )
            if method:
                reading.add(tree, rel, _fake(tree, rel, fake, method))
        elif real and "Celeb-real" in rel.split("/"):
            reading.add(tree, rel, _real(tree, rel, real.group(1)))
    if not any(record.label == 0 for record in reading.records):
        reading.warnings.append(
            "The reals are Celeb-DF v2's, which are not here: import Celeb-DF v2 into the same "
            "dataset to have the pairs."
        )
    return reading


def _fake(tree: Tree, rel: str, match: re.Match[str], method: str) -> VideoRecord:
    target, source, recording, _ = match.groups()
    pair = make_id(CELEB, "Celeb-real", "", f"{target}_{recording}")
    crf = next((m for part in rel.split("/")[:-1] if (m := _CRF.search(part))), None)
    compression = f"c{crf.group(1)}" if crf else ""
    return VideoRecord(
        video_id=make_id(DATASET, method, compression, match.string),
        path=tree.absolute(rel),
        label=1,
        source_dataset=DATASET,
        method=method,
        family="face_swap",
        compression=compression,
        target_id=target,
        source_id=source,
        pair_id=pair,
        parents=(pair,),
        license_note=LICENSE,
        attributes={"identity": target, "source_identity": source},
    )


def _real(tree: Tree, rel: str, person: str) -> VideoRecord:
    return VideoRecord(
        video_id=make_id(CELEB, "Celeb-real", "", stem_of(rel)),
        path=tree.absolute(rel),
        label=0,
        source_dataset=CELEB,
        target_id=person,
        license_note=CELEB_LICENSE,
        attributes={"subset": "Celeb-real", "identity": person},
    )


IMPORTERS = (
    Importer(
        name="dfdm",
        title=DATASET,
        license_note=LICENSE,
        expects=(
            "DFDM_crf{0,10,23}/<model>/id0_id1_0000_<model>.mp4   (any folders; the compression "
            "is read from a part like crf23 or c23)\n"
            "Celeb-real/id0_0000.mp4   (optional, from Celeb-DF v2)"
        ),
        recognise=recognise,
        read=read,
        official=tuple(
            Official(430, method=method, label=1, per_compression=True, certain=False)
            for method in ("dfaker", "dfl-h128", "faceswap", "iae", "lightweight")
        ),
        official_split=False,
        gotchas=("The release ships fakes only; its reals are Celeb-DF v2's Celeb-real.",),
        url="https://github.com/shanface33/Deepfake_Model_Attribution",
    ),
)
