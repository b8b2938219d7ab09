"""Imports Celeb-DF v1 and v2 (Li et al., CVPR 2020, arXiv 1909.12962).

``idA_idB_N`` is the video idA_N of Celeb-real with the face of idB; its pair is Celeb-real/idA_N.
In the authors' list of test videos, 1 means real and 0 means fake, the reverse of our labels.
"""

from __future__ import annotations

import re

from ....detector.records import LABELS, VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Missing, Official, Reading, make_id
from ..lists import bad_entry, inside, read_lines
from ..suffixes import join, stem_of
from ..tree import Tree

LICENSE = "Celeb-DF terms of use: research only, non-commercial, no redistribution; access by form."
REAL_FOLDERS = ("Celeb-real", "YouTube-real")
FAKE_FOLDER = "Celeb-synthesis"
TEST_LIST = "List_of_testing_videos.txt"
TestList = dict[str, tuple[int, str]]  # key -> label (0 real), path as listed
_REAL = re.compile(r"^id(\d+)_(\d+)$")
_FAKE = re.compile(r"^id(\d+)_id(\d+)_(\d+)$")
_NUMBER = re.compile(r"^\d+$")
_V1_NAME = re.compile(r"(?i)celeb[-_ ]?df(?:[-_ ]?v?1)?$|cdfv?1$")
_V2_NAME = re.compile(r"(?i)v[-_ ]?2|df2")


def videos_folder(tree: Tree, folder: str) -> str:
    """Return ``folder``, or ``folder/videos`` if the videos are there (as in SBI's code)."""
    folder = tree.folder(folder) or folder
    inner = f"{folder}/videos"
    return inner if tree.is_folder(inner) and tree.videos(inner) else folder


def _version(tree: Tree) -> tuple[str, str]:
    """Return ("1" or "2", why) by the folder's name and the counts; both have the same tree."""
    name = tree.root.name
    if _V2_NAME.search(name):
        return "2", f"the folder is called {name}"
    counts = [len(tree.videos(videos_folder(tree, f))) for f in (*REAL_FOLDERS, FAKE_FOLDER)]
    if counts == [158, 250, 795]:
        return "1", "the counts 158, 250 and 795 are those of v1"
    if counts[0] > 158 or counts[1] > 250 or counts[2] > 795:
        return "2", "there are more videos than v1 has"
    if _V1_NAME.search(name):
        return "1", f"the folder is called {name}"
    return "2", "v1 has the same tree; choose the format celeb-df-v1 if it is v1"


def looks_like_celeb_df(tree: Tree) -> list[str]:
    """Return the reasons why a tree is any version of Celeb-DF; empty if it is none."""
    if not tree.is_folder(FAKE_FOLDER) and not tree.is_folder("Celeb-real"):
        return []
    found = [f for f in (*REAL_FOLDERS, FAKE_FOLDER) if tree.folder(f)]
    if len(found) < 2 and not tree.is_file(TEST_LIST):
        return []
    reasons = [f"{', '.join(found)} are there"]
    if tree.is_file(TEST_LIST):
        reasons.append(f"{TEST_LIST} is there")
    return reasons


def has_method_folders(tree: Tree) -> bool:
    """Return whether Celeb-synthesis is divided by method, as in Celeb-DF++."""
    return any(
        tree.is_folder(f"{FAKE_FOLDER}/{family}")
        for family in ("FaceSwap", "FaceReenact", "TalkingFace")
    )


def _recognise(version: str):
    def recognise(tree: Tree) -> Evidence | None:
        """Recognise the folders of Celeb-DF with videos directly in Celeb-synthesis."""
        reasons = looks_like_celeb_df(tree)
        if not reasons or has_method_folders(tree):
            return None
        if not any(tree.videos(videos_folder(tree, f)) for f in (*REAL_FOLDERS, FAKE_FOLDER)):
            return None
        found, why = _version(tree)
        # If the user names a version, it reads the tree; "auto" takes only the likelier version.
        return Evidence(f"celeb-df-v{version}", (*reasons, why), weak=found != version)

    return recognise


def _read(version: str):
    def read(tree: Tree, options: ImportOptions) -> Reading:
        """Read the two real folders and Celeb-synthesis."""
        dataset = f"Celeb-DF-v{version}"
        reading = Reading()
        tested = read_test_list(tree, reading)
        read_reals(tree, reading, dataset, tested)
        folder = videos_folder(tree, FAKE_FOLDER)
        for name in tree.videos(folder):
            match = _FAKE.match(stem_of(name))
            if match:
                rel = join(folder, name)
                reading.add(tree, rel, _fake(tree, dataset, rel, match, tested))
        check_test_list(tree, reading, tested)
        return reading

    return read


def read_test_list(tree: Tree, reading: Reading) -> TestList | None:
    """Return every listed test video by :func:`_key`, or None if the list is missing.

    Raises:
        ForensicsError: a malformed line, or one that leaves the root
    """
    if not tree.is_file(TEST_LIST):
        reading.warnings.append(
            f"{TEST_LIST} is missing, so no video has a split; it is in the dataset's archive."
        )
        return None
    tested: TestList = {}
    for number, line in read_lines(tree, TEST_LIST):
        where = f"{TEST_LIST}, line {number}"
        mark, path = (*line.split(None, 1), "")[:2]
        if mark not in ("0", "1") or not path:
            raise bad_entry(where, f"expected '<0 or 1> <folder>/<file>', found {line!r}.")
        label = 0 if mark == "1" else 1
        rel = inside(path, where)
        key = _key(rel)
        if tested.setdefault(key, (label, rel))[0] != label:
            reading.conflicts.append(f"{where}: {rel} is listed as real and as fake.")
        expected = 1 if rel.startswith(f"{FAKE_FOLDER}/") else 0
        if label != expected:
            reading.conflicts.append(
                f"{where}: {rel} is listed as {LABELS[label]} but lies in a "
                f"{LABELS[expected]} folder; the folder's label is used."
            )
    return tested


def _key(rel: str) -> str:
    """Return a path in lower case, without suffix and ``videos`` level, as a look-up key."""
    folder, _, name = rel.rpartition("/")
    return join(folder.removesuffix("/videos"), stem_of(name)).lower()


def check_test_list(tree: Tree, reading: Reading, tested: TestList | None) -> None:
    """Report the listed test videos that have no record."""
    if tested is None:
        return
    there = {_key(tree.relative(record.path)) for record in reading.records}
    reading.missing.extend(
        Missing(rel, TEST_LIST) for key, (_, rel) in sorted(tested.items()) if key not in there
    )


def split_of(rel: str, tested: TestList | None) -> str | None:
    """Return ``test`` for listed videos, ``train`` for others, None without the list."""
    if tested is None:
        return None
    return "test" if _key(rel) in tested else "train"


def read_reals(tree: Tree, reading: Reading, dataset: str, tested: TestList | None) -> None:
    """Add the records of Celeb-real and YouTube-real."""
    for folder in REAL_FOLDERS:
        base = videos_folder(tree, folder)
        for name in tree.videos(base):
            stem, rel = stem_of(name), join(base, name)
            match = _REAL.match(stem)
            if not match and not _NUMBER.match(stem):
                continue
            split = split_of(rel, tested)
            attributes = {"subset": folder}
            if match:
                attributes["identity"] = f"id{match.group(1)}"
            record = VideoRecord(
                video_id=make_id(dataset, folder, "", stem),
                path=tree.absolute(rel),
                label=0,
                source_dataset=dataset,
                split=split,
                split_source="official" if split else None,
                target_id=f"id{match.group(1)}" if match else stem,
                license_note=LICENSE,
                attributes=attributes,
            )
            reading.add(tree, rel, record)


def _fake(
    tree: Tree, dataset: str, rel: str, match: re.Match[str], tested: TestList | None
) -> VideoRecord:
    target, source, number = match.groups()
    pair = make_id(dataset, "Celeb-real", "", f"id{target}_{number}")
    split = split_of(rel, tested)
    return VideoRecord(
        video_id=make_id(dataset, FAKE_FOLDER, "", stem_of(rel)),
        path=tree.absolute(rel),
        label=1,
        source_dataset=dataset,
        method=FAKE_FOLDER,
        family="face_swap",
        split=split,
        split_source="official" if split else None,
        target_id=f"id{target}",
        source_id=f"id{source}",
        pair_id=pair,
        parents=(pair,),
        license_note=LICENSE,
        attributes={
            "subset": FAKE_FOLDER,
            "identity": f"id{target}",
            "source_identity": f"id{source}",
        },
    )


_EXPECTS = (
    "Celeb-real/id0_0000.mp4\nYouTube-real/00000.mp4\nCeleb-synthesis/id0_id1_0000.mp4\n"
    f"{TEST_LIST}   ('1 Celeb-real/id0_0000.mp4', 1 = real)"
)
_GOTCHAS = (
    "The test list has its labels the other way round: 1 is real, 0 is fake.",
    "Only the test videos are listed; train is the rest, and there is no val.",
    "The test split shares its 59 celebrities with the training videos.",
)

IMPORTERS = (
    Importer(
        name="celeb-df-v1",
        title="Celeb-DF v1",
        license_note=LICENSE,
        expects=_EXPECTS,
        recognise=_recognise("1"),
        read=_read("1"),
        official=(
            Official(158, label=0, subset="Celeb-real"),
            Official(250, label=0, subset="YouTube-real"),
            Official(795, label=1),
            Official(100, split="test", certain=False),
        ),
        gotchas=_GOTCHAS,
        aliases=("celebdf1", "cdf1", "cdfv1", "celebdfv1"),
        url="https://github.com/yuezunli/celeb-deepfakeforensics",
    ),
    Importer(
        name="celeb-df-v2",
        title="Celeb-DF v2",
        license_note=LICENSE,
        expects=_EXPECTS,
        recognise=_recognise("2"),
        read=_read("2"),
        official=(
            Official(590, label=0, subset="Celeb-real"),
            Official(300, label=0, subset="YouTube-real"),
            Official(5639, label=1),
            Official(178, "test", "original", 0),
            Official(340, "test", FAKE_FOLDER, 1),
        ),
        gotchas=(*_GOTCHAS, "id27_0005.mp4 has a single frame."),
        aliases=("celebdf", "celebdf2", "cdf2", "cdfv2", "celebdfv2", "celeb-df"),
        url="https://github.com/yuezunli/celeb-deepfakeforensics",
    ),
)
