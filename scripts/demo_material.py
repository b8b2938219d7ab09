"""Makes the crops that the shipped detector is trained and validated on, without FiftyOne.

The people are the training and validation people of the demo's collection, and those of
:mod:`operators.demo.portraits`, at the collection's four sizes and encoders. Each clip is taken
twice per encoder, with another path of the camera and the other settings, so that each real has
each fake at the visible and at the subtle setting; a portrait has two windows in place of two
takes. Every fake went through the encoder. Nobody of the test split is in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from media_forensics.detector.crops.store import CropStore
from media_forensics.detector.faces.video_faces import VideoFaces
from media_forensics.detector.records import (
    FAKE,
    REAL,
    CropRecipe,
    VideoRecord,
    content_hash,
)
from media_forensics.detector.runners.extract import extract_videos, prepare
from media_forensics.operators.demo.clips import CLIPS
from media_forensics.operators.demo.collection_layouts import items_of
from media_forensics.operators.demo.collection_plan import (
    DATASETS,
    SPLIT_OF,
    TAKE,
    DatasetPlan,
    fakes_of,
)
from media_forensics.operators.demo.portraits import PORTRAIT_CLIPS
from media_forensics.operators.importers.plan import plan_import
from media_forensics.training.manifest import Manifest, ManifestRow

TAKES = 2  # of each clip, per encoder
PORTRAITS = frozenset(clip.number for clip in PORTRAIT_CLIPS)
_KNOWN = [clip.number for clip in (*CLIPS, *PORTRAIT_CLIPS) if SPLIT_OF[clip.person] != "test"]


def plans(numbers: Sequence[int] = tuple(_KNOWN), takes: int = TAKES) -> tuple[DatasetPlan, ...]:
    """Return one training set per dataset of the collection, with its size and its encoder.

    Args:
        numbers: clips of training and validation people
        takes: of each clip; of a portrait's clip there is one
    """
    return tuple(
        replace(
            dataset,
            name=f"like-{dataset.name}",
            layout="celeb-df",
            numbers=tuple(
                number + TAKE * (place if number in PORTRAITS else takes * place + take)
                for number in numbers
                for take in range(1 if number in PORTRAITS else takes)
            ),
            about=f"training and validation people as in {dataset.name}",
        )
        for place, dataset in enumerate(DATASETS)
    )


def material_records(root: Path, chosen: Iterable[DatasetPlan]) -> list[VideoRecord]:
    """Return every clip of the training sets that ``build_collection`` made below ``root``."""
    found = []
    for plan in chosen:
        for item in items_of(plan, plan.clips, fakes_of(plan.clips)):
            person, fake = item.clip.person, item.fake
            first, take = item.clip.number % TAKE, item.clip.number // TAKE
            further = first not in PORTRAITS and take % TAKES > 0
            real = f"{plan.name}/real/{item.clip.stem}"
            made = {"label": REAL} if fake is None else {"label": FAKE, "method": fake.method}
            setting = {} if fake is None else {"setting": fake.setting}
            found.append(
                VideoRecord(
                    video_id=real
                    if fake is None
                    else f"{plan.name}/{fake.method}/{item.clip.stem}",
                    path=str(root / plan.name / item.video),
                    source_dataset=plan.name,
                    split=SPLIT_OF[person],
                    pair_id=None if fake is None else real,
                    group_id=person,
                    mask_path=None if item.mask is None else str(root / plan.name / item.mask),
                    attributes={"identity": person, "take": take, "further": further, **setting},
                    **made,
                )
            )
    return found


def held_out_records(datasets: Mapping[str, str]) -> list[VideoRecord]:
    """Return the clips of the collection's test people, as its importers read them."""
    return [
        replace(record, group_id=str(record.attributes["identity"]))
        for folder in datasets.values()
        for record in plan_import(folder).records
        if record.split == "test"
    ]


class Faces:
    """The crops of some videos.

    Args:
        root: folder of the crop store
        count: frames per video
    """

    def __init__(self, root: Path, count: int) -> None:
        self.root = root
        self.recipe = prepare(CropRecipe(count=count), root, device="cpu")[0].recipe
        self.folder = CropStore(root, self.recipe).folder
        self.of: dict[str, VideoFaces] = {}

    def extract(self, records: Sequence[VideoRecord]) -> int:
        """Find and cut the faces of ``records``; return how many videos have none."""
        found = extract_videos(
            records, self.recipe, self.root, workers=os.cpu_count() or 1, device="cpu"
        )
        self.of |= {faces.video_id: faces for faces in found}
        return sum(not self.of[record.video_id].crops for record in records)

    def crops(self, record: VideoRecord) -> list[tuple[int, Path, str]]:
        """Return frame number, file and sha256 of each crop of a video."""
        faces = self.of[record.video_id]
        # A ready-made crop has an absolute path, which replaces the folder.
        return [(f.index, self.folder / str(c.crop), c.crop_sha256 or "") for f, c in faces.crops]

    def manifest(self, records: Sequence[VideoRecord]) -> Manifest:
        """Return two crops of each training clip, one of the first take of a validation clip."""
        rows = []
        for record in records:
            most = 2
            if record.split == "val":
                most = 0 if record.attributes["further"] else 1
            for number, path, sha256 in self.crops(record)[:most]:
                rows.append(
                    ManifestRow(
                        crop=str(path),
                        label=record.label,
                        video_id=record.video_id,
                        frame_number=number,
                        pair_id=record.pair_id,
                        group_id=record.group_id,
                        split=record.split or "",
                        method=record.method,
                        source_dataset=record.source_dataset,
                        recipe_hash=self.recipe.hash,
                        source_sha256=self.of[record.video_id].source_sha256,
                        crop_sha256=sha256,
                    )
                )
        return Manifest(rows)

    def material_sha256(self, manifest: Manifest) -> str:
        """Return the hash of a manifest's rows with the crops named below their folder.

        Unlike the manifest's own hash, it is the same wherever the folder lies.
        """
        rows = [
            {**row.to_json(), "crop": Path(row.crop).relative_to(self.folder).as_posix()}
            for row in manifest.rows
        ]
        return content_hash(rows)
