"""Parts of scores and what a merge says about them, against expectations written by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from media_forensics.detector import score_command
from media_forensics.detector.crops.store import CropStore, StoredVideo
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.faces.video_faces import VideoFaces
from media_forensics.detector.model.checkpoints import save_detector
from media_forensics.detector.records import CropRecipe, Reason, VideoRecord
from media_forensics.detector.runners.merge_report import MergeReport
from media_forensics.detector.runners.score_merge import copy_parts, examine, merged
from media_forensics.detector.runners.score_parts import Provenance, ScoreParts, read_part
from media_forensics.detector.runners.score_units import (
    FaceFile,
    ScoreUnit,
    read_score_list,
    write_score_list,
)
from media_forensics.detector.runners.score_videos import score_units, scored_video, unscored
from media_forensics.detector.runners.shard_notes import noted, shard_notes
from media_forensics.detector.runners.store_merge import examine_stores
from media_forensics.detector.scoring.crop_scores import score_crops
from media_forensics.detector.scoring.scores import Scores
from PIL import Image

ABOUT = Provenance("recipe", "c" * 64, "probe", "fp32")


def unit(name: str, frames: int = 2, source: str = "sha") -> ScoreUnit:
    return ScoreUnit(name, source, tuple(FaceFile(n, 0, f"/{name}/{n}") for n in range(frames)))


def scored(made: ScoreUnit, p_fake: float = 0.25, reasons: tuple[Reason | None, ...] = ()):
    """A row for each face of ``made`` with the same number."""
    n = len(made.faces)
    column = np.full(n, p_fake, np.float32)
    reasons = reasons or (None,) * n
    column[[reason is not None for reason in reasons]] = np.nan
    scores = Scores(
        column,
        np.stack([-column, column], 1),
        2 * column,
        90 + column,
        np.repeat(column[:, None], 3, 1),
        tuple(reasons),
    )
    return scored_video(made, scores)


@pytest.fixture
def parts(tmp_path) -> ScoreParts:
    made = ScoreParts(tmp_path / "scores", ABOUT)
    made.prepare()
    return made


# ------------------------------------------------------------------------------ the parts
def test_a_part_gives_its_rows_back(parts):
    videos = [
        scored(unit("a"), 0.25),
        scored(unit("none", 0)),
        scored(unit("b"), 0.5, (None, Reason.EMPTY_FILE)),
    ]
    path = parts.write(videos)
    assert parts.write(videos) == path and parts.paths() == [path]  # the same files again
    back = list(read_part(path))
    assert [v.video_id for v in back] == ["a", "none", "b"]
    for video, wanted in zip(back, videos, strict=True):
        assert video.reasons == wanted.reasons and video.source_sha256 == "sha"
        for name in ("frame", "face", "p_fake", "logits", "margin", "angle", "embeddings"):
            np.testing.assert_array_equal(getattr(video, name), getattr(wanted, name), name)
            assert getattr(video, name).dtype == getattr(wanted, name).dtype, name
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path).to_pydict()
    assert table["video_id"] == ["a", "a", "none", "b", "b"]
    assert table["frame"] == [0, 1, -1, 0, 1]
    assert table["reason"] == [None, None, None, None, "empty_file"]
    np.testing.assert_array_equal(table["p_fake"], [0.25, 0.25, np.nan, 0.5, np.nan])


def test_only_what_has_no_row_is_left_to_do(parts):
    parts.write([scored(unit("a")), scored(unit("none", 0))])
    parts.write([unscored(unit("killer"), Reason.WORKER_DIED, 3)])
    wanted = [unit("a", 3), unit("none", 0), unit("b"), unit("killer"), unit("other", 0)]
    left = {u.video_id: [f.frame for f in u.faces] for u in parts.missing(wanted)}
    assert left == {"a": [2], "b": [0, 1], "killer": [0, 1], "other": []}
    assert [u.video_id for u in parts.missing([unit("a", 2, source="another file")])] == ["a"]


def test_another_precision_does_not_mix(parts, tmp_path):
    with pytest.raises(ForensicsError, match="holds scores in fp32, not bf16"):
        ScoreParts(tmp_path / "scores", replace(ABOUT, precision="bf16")).prepare()


# ------------------------------------------------------------------------------ the merge
def test_the_report_names_everything_by_hand(parts, tmp_path):
    other = ScoreParts(tmp_path / "other", ABOUT)
    other.prepare()
    parts.write([scored(unit("whole")), scored(unit("twice"), 0.5), scored(unit("half", 1))])
    parts.write([scored(unit("differs"), 0.1), scored(unit("old", source="before"))])
    other.write([scored(unit("twice"), 0.50001), scored(unit("differs"), 0.9)])
    other.write([scored(unit("stranger"))])
    damaged = other.write([scored(unit("lost"))])
    damaged.with_suffix(".npy").write_bytes(b"half")
    wanted = [unit(n) for n in ("whole", "twice", "half", "differs", "old", "lost", "never")]
    report = examine([parts.folder, other.folder], wanted)
    assert replace(report, damaged=()) == MergeReport(
        units=7,
        complete=3,  # whole, twice, differs
        duplicates=("twice",),
        conflicts=("differs",),
        gaps=("half", "lost", "never", "old"),
        outdated=("old",),
        foreign=("stranger",),
    )
    assert [name for name, _ in report.damaged] == [damaged.name]
    with pytest.raises(ForensicsError, match="1 video with two different results: differs"):
        report.require(allow_gaps=True)
    with pytest.raises(ForensicsError, match=r"4 of 7 videos not finished: half, .*Damaged: part-"):
        replace(report, conflicts=()).require()
    replace(report, conflicts=()).require(allow_gaps=True)
    table = replace(report, gaps=("half", "a|b")).table()
    assert "| gaps | 2 | half, a\\|b |" in table and "running" not in table


def test_who_is_at_it_and_who_died(parts):
    parts.write([scored(unit("a"))])
    with noted(parts.folder, "score, shard 0/2", 5) as step:
        step(3)
        report = examine([parts.folder], [unit("a")])
        assert [note.work for note in report.running] == ["score, shard 0/2"]
        with pytest.raises(ForensicsError, match="1 run may still write: score, shard 0/2"):
            report.require(allow_gaps=True)
    assert [(n.done, n.total, n.ended) for n in shard_notes(parts.folder)] == [(3, 5, True)]
    examine([parts.folder], [unit("a")]).require()
    # a process that is killed cannot take its note away
    code = (
        "import os, sys; from media_forensics.detector.runners.shard_notes import noted\n"
        "with noted(sys.argv[1], 'score, shard 1/2'): os._exit(9)"
    )
    mount = str(Path(__file__).resolve().parents[3] / "_mount")
    environment = {**os.environ, "PYTHONPATH": mount}
    subprocess.run([sys.executable, "-c", code, str(parts.folder)], env=environment, check=False)
    report = examine([parts.folder], [unit("a"), unit("b")])
    assert [note.work for note in report.died] == ["score, shard 1/2"] and not report.running
    with pytest.raises(ForensicsError, match=r"1 of 2 videos not finished: b. Died: score, shard"):
        report.require()


def test_a_silent_run_on_another_machine_counts_as_dead(parts):
    with noted(parts.folder, "score, shard 0/2"):
        (path,) = (parts.folder / "running").glob("*.json")
        path.write_text(json.dumps({**json.loads(path.read_text()), "host": "elsewhere"}))
        (note,) = shard_notes(parts.folder)
        assert note.alive and not note.died
        old = path.stat().st_mtime - 600
        os.utime(path, (old, old))
        (note,) = shard_notes(parts.folder)
        assert note.died and note.silent_seconds > 500


def test_what_died_gives_way_to_a_result(parts, tmp_path):
    parts.write([unscored(unit("a"), Reason.WORKER_DIED, 3)])
    parts.write([scored(unit("a"), 0.75)])
    parts.write([scored(unit("none", 0))])
    report = examine([parts.folder], [unit("a"), unit("none", 0)])
    assert (report.complete, report.conflicts, report.duplicates) == (2, (), ())
    target = ScoreParts(tmp_path / "all", ABOUT)
    assert copy_parts(target, [parts.folder], [unit("a"), unit("none", 0)]) == 2
    found = {v.video_id: v.p_fake.tolist() for v in merged([target.folder], [unit("a")])}
    assert found == {"a": [0.75, 0.75]}
    assert target.missing([unit("a"), unit("none", 0)]) == []


def test_crops_of_two_shards_that_cut_different_files(tmp_path):
    recipe = CropRecipe(detector_sha256="d")
    sources = []
    for name, source in (("one", "file 1"), ("two", "file 2")):
        store = CropStore(tmp_path / name, recipe)
        store.prepare()
        for video_id, sha in (("same", "file 0"), ("differs", source), (name, source)):
            store.save(StoredVideo(VideoFaces(video_id, recipe.hash, sha), (), "stamp"))
        sources.append(tmp_path / name)
    records = [VideoRecord(n, n, 0, "s") for n in ("same", "differs", "one", "two", "three")]
    report = examine_stores(sources, records)
    assert (report.units, report.complete) == (5, 4)
    assert (report.duplicates, report.conflicts) == (("same",), ("differs",))
    assert (report.gaps, report.foreign) == (("three",), ())
    assert examine_stores([*sources, sources[0]]).gaps == ()


# -------------------------------------------------------------------------------- the runs
@pytest.fixture
def faces(tmp_path, pictures) -> list[ScoreUnit]:
    made = []
    for number in range(5):
        crops = []
        for frame in range(number):
            path = tmp_path / f"{number}_{frame}.png"
            Image.fromarray(pictures[number + frame]).save(path)
            crops.append(FaceFile(frame, frame % 2, str(path)))
        made.append(ScoreUnit(f"s/{number}", f"sha{number}", tuple(crops)))
    return made


def test_videos_are_cut_out_of_batches_that_reach_across_them(tiny_detector, faces):
    plain = [
        batch for batch in score_crops(tiny_detector, [f.path for u in faces for f in u.faces], 100)
    ]
    for size in (1, 3, 32):
        found = list(score_units(tiny_detector, faces, size))
        assert [(v.video_id, len(v.frame)) for v in found] == [(f"s/{n}", n) for n in range(5)]
        together = np.concatenate([v.p_fake for v in found])
        np.testing.assert_allclose(together, plain[0].p_fake, atol=1e-6)
    assert found[4].frame.tolist() == [0, 1, 2, 3] and found[4].face.tolist() == [0, 1, 0, 1]


def test_merged_shards_are_the_rows_of_one_run(tiny_detector, faces, tmp_path, capsys):
    source = str(save_detector(tiny_detector, tmp_path / "tiny"))
    alone = {v.video_id: v for v in score_units(tiny_detector, faces)}
    listed = tmp_path / "faces.jsonl"
    assert write_score_list(listed, faces, "recipe") == 5
    assert read_score_list(listed) == (faces, "recipe")
    roots = [tmp_path / "shard0", tmp_path / "shard1"]
    run = ["run", str(listed)]
    options = ["--detector", source, "--device", "cpu"]
    main = score_command.main
    assert main([*run, str(roots[0]), *options, "--shard", "0/2"]) == 0
    merge = ["merge", str(listed), str(tmp_path / "all"), str(roots[0])]
    assert main(merge) == 2  # shard 1 is missing
    assert "| gaps | " in capsys.readouterr().out and not (tmp_path / "all").exists()
    assert main([*run, str(roots[1]), *options, "--shard", "1/2"]) == 0
    assert main([*merge, str(roots[1])]) == 0
    assert main(["merge", str(listed), str(tmp_path / "all")]) == 0  # complete by itself
    (folder,) = (path.parent for path in (tmp_path / "all").glob("*/about.json"))
    found = list(merged([folder], faces))
    for video in found:
        np.testing.assert_allclose(video.p_fake, alone[video.video_id].p_fake, atol=1e-6)
        np.testing.assert_allclose(video.embeddings, alone[video.video_id].embeddings, atol=1e-5)
    assert sorted(v.video_id for v in found) == sorted(alone)
    before = sorted(p.name for p in folder.glob("part-*"))
    assert main([*run, str(tmp_path / "all"), *options]) == 0  # nothing is left to do
    assert sorted(p.name for p in folder.glob("part-*")) == before


def test_mistakes_in_a_list_are_named(tmp_path):
    path = tmp_path / "faces.jsonl"
    good = json.dumps({"format": 1, "recipe_hash": ""})
    row = json.dumps({"video_id": "a", "source_sha256": "", "faces": [[0, 0, "x.png"]]})
    for text, words in (
        ("", "lists no video"),
        (json.dumps({"format": 2, "recipe_hash": ""}), "line 1.*format 2"),
        (f"{good}\n{{", "line 2"),
        (f"{good}\n{row}\n{row}", "occurs twice"),
        (f"{good}\n" + row.replace("]]", '], [0, 0, "y.png"]]'), "two faces with the same"),
    ):
        path.write_text(text)
        with pytest.raises(ForensicsError, match=words):
            read_score_list(path)
    path.write_text(f"{good}\n{row}\n")
    assert read_score_list(path)[0][0].faces[0].path == str(tmp_path / "x.png")
