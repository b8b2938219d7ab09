"""Building: counts, resuming, stopping, folders that are not ours, missing packages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from media_forensics.detector.errors import Cancelled, ForensicsError
from media_forensics.operators.demo import build_demo_corpus

pytestmark = pytest.mark.weights
SMALL = {"small": True, "compressions": ("c40",)}


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()
    }


@pytest.fixture
def small(small_corpus):
    return small_corpus


def test_counts(small):
    root, found, steps = small
    assert (found["real"], found["methods"]) == (12, {"SelfBlend": 12, "FaceSwap": 4})
    assert found["clips"] == 28 and found["fake"] == 16 and found["people"] == 12
    assert found["made"] == 28 + 16 and found["kept"] == 0 and found["root"] == str(root)
    assert len(list(root.rglob("*.mp4"))) == found["made"]
    assert {name: part["people"] for name, part in found["splits"].items()} == {
        "train": 7,
        "val": 2,
        "test": 3,
    }
    assert sum(part["fake"] for part in found["splits"].values()) == 16
    assert "12 real and 16 fake clips of 12 people" in found["summary"]
    assert json.dumps(found)  # an operator's result must be JSON
    dones = [done for done, _, _ in steps]
    assert dones == sorted(dones) and steps[-1][:2] == (44, 44)


def test_no_temporary_file_is_left(small):
    assert not [p for p in small[0].rglob(".*")]


def test_again_makes_nothing_and_a_torn_build_ends_with_the_same_bytes(small, footage):
    root, _, _ = small
    before = contents(root)
    again = build_demo_corpus(root, footage=footage, **SMALL)
    assert again["made"] == 0 and again["kept"] == 44
    gone = [
        "original_sequences/youtube/c40/videos/020.mp4",
        "manipulated_sequences/FaceSwap/c40/videos/033_030.mp4",
        "manipulated_sequences/FaceSwap/masks/videos/030_033.mp4",
        "manipulated_sequences/SelfBlend/masks/videos/011_011.mp4",
        "manipulated_sequences/SelfBlend/c40/videos/033_033.mp4",
        "dataset/splits/val.json",
    ]
    for name in gone:
        (root / name).unlink()
    repaired = build_demo_corpus(root, footage=footage, workers=1, **SMALL)
    assert repaired["made"] == 5
    assert contents(root) == before


def test_a_stopped_build_keeps_what_is_finished(footage, weights_dir, tmp_path):
    done = []

    def progress(count, total, text):
        done.append(count)

    with pytest.raises(Cancelled):
        build_demo_corpus(
            tmp_path / "c",
            footage=footage,
            workers=1,
            progress=progress,
            should_stop=lambda: done[-1] >= 2,
            **SMALL,
        )
    finished = list((tmp_path / "c").rglob("*.mp4"))
    assert 2 <= len(finished) < 44 and len(finished) == done[-1]
    assert not list((tmp_path / "c").rglob(".*"))


def test_another_seed_gives_other_clips(small, footage, tmp_path, monkeypatch):
    from media_forensics.operators.demo import clips

    monkeypatch.setattr(clips, "CLIPS", tuple(c for c in clips.CLIPS if c.number in (0, 11)))
    from media_forensics.operators.demo import corpus

    monkeypatch.setattr(corpus, "CLIPS", clips.CLIPS)
    for seed in (0, 1):
        build_demo_corpus(
            tmp_path / str(seed), seed=seed, footage=footage, compressions=("c40",), workers=1
        )
    zero, one = contents(tmp_path / "0"), contents(tmp_path / "1")
    assert zero.keys() == one.keys()
    same = {name for name in zero if zero[name] == one[name]}
    assert not any(name.endswith(".mp4") for name in same)
    # a clip does not depend on what else is built
    name = "original_sequences/youtube/c40/videos/011.mp4"
    assert zero[name] == (small[0] / name).read_bytes()


def test_folders_that_are_not_ours_are_refused(small, footage, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "beach.jpg").write_bytes(b"x")
    for folder, words in (("file", "is a file"), ("holiday", "not empty")):
        with pytest.raises(ForensicsError, match=words) as caught:
            build_demo_corpus(tmp_path / folder, footage=footage)
        assert caught.value.field == "root" and caught.value.hint
    with pytest.raises(ForensicsError, match="seed 0, not 7"):
        build_demo_corpus(small[0], seed=7, footage=footage)
    assert sorted(p.name for p in (tmp_path / "holiday").iterdir()) == ["beach.jpg"]


def test_a_folder_that_cannot_be_written_is_refused(footage, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ForensicsError, match=r"cannot be (written|read)") as caught:
        build_demo_corpus(tmp_path / "file" / "below", footage=footage)
    assert caught.value.field == "root"


@pytest.mark.parametrize("names", [("c24",), ()])
def test_unknown_compression(names, tmp_path):
    with pytest.raises(ForensicsError, match="compression") as caught:
        build_demo_corpus(tmp_path / "c", compressions=names, footage={})
    assert caught.value.field == "compressions" and not (tmp_path / "c").exists()


def test_without_the_packages_it_says_what_is_missing(footage, tmp_path):
    some = {key: path for key, path in footage.items() if "single_face" not in key}
    with pytest.raises(ForensicsError, match=r"single_face\.mp4"):
        build_demo_corpus(tmp_path / "c", footage=some)
    assert not list(tmp_path.rglob("*.mp4"))


def test_without_npm_the_rest_is_built_and_the_lack_reported(footage, weights_dir, tmp_path):
    npm = ("cap1", "sample")
    some = {key: path for key, path in footage.items() if not key.startswith(npm)}
    steps = []

    def stop():
        return True

    with pytest.raises(Cancelled):  # the lists are written first: enough to look at
        build_demo_corpus(
            tmp_path / "c",
            footage=some,
            workers=1,
            should_stop=stop,
            progress=lambda *s: steps.append(s),
        )
    readme = (tmp_path / "c" / "README.md").read_text()
    assert "35 real clips of 12 people" in readme and "webcam" not in readme
    assert steps[0][1] == 35 * 2 + 35 * 3 + 14 * 3
