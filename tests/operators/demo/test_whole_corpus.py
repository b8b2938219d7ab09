"""The corpus as it lies on the disk: tree, faces, masks, splits, marks; nothing else tells."""

from __future__ import annotations

import csv
import json
from concurrent.futures import ThreadPoolExecutor

import av
import cv2
import numpy as np
import pytest
from media_forensics.operators.demo.clips import FRAMES, PEOPLE, SIZE

pytestmark = [
    pytest.mark.weights,
    pytest.mark.long("two minutes; the corpus of the demo has tests of its own"),
]
METHODS = ("SelfBlend", "FaceSwap")


def reals(root, compression):
    return sorted((root / f"original_sequences/youtube/{compression}/videos").glob("*.mp4"))


def fakes(root, compression, method):
    return sorted((root / f"manipulated_sequences/{method}/{compression}/videos").glob("*.mp4"))


def clips(root, compression):
    found = reals(root, compression)
    return found + [path for method in METHODS for path in fakes(root, compression, method)]


def decode(path, layout="rgb24"):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format=layout) for frame in container.decode(video=0)]


def identities(root):
    with (root / "dataset/identities.csv").open(newline="") as lines:
        return {row["video"]: row["identity"] for row in csv.DictReader(lines)}


@pytest.fixture(scope="module")
def look(corpus):
    """path -> (frames, sampled RGB frames), of all clips."""
    root, _ = corpus
    paths = [path for c in ("c23", "c40") for path in clips(root, c)]

    def sample(path):
        frames = decode(path)
        return len(frames), [frames[i] for i in (0, FRAMES // 3, FRAMES - 1)]

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(paths, pool.map(sample, paths), strict=True))


def test_enough_of_everything(corpus):
    root, found = corpus
    for compression in ("c23", "c40"):
        assert len(reals(root, compression)) == found["real"]
        for method in METHODS:
            assert len(fakes(root, compression, method)) == found["methods"][method]
    assert found["clips"] >= 60 and found["people"] >= 10
    assert found["clips"] == len(clips(root, "c23")) == len(clips(root, "c40"))


def test_every_clip_has_one_length_and_size(look):
    for path, (count, frames) in look.items():
        assert count == FRAMES, path
        assert all(frame.shape == (SIZE, SIZE, 3) for frame in frames), path


def test_exactly_one_face_in_every_sampled_frame(look, face_detector):
    for path, (_, frames) in look.items():
        for number, faces in enumerate(face_detector.detect(frames)):
            assert len(faces) == 1, (path, number, [face.score for face in faces])


def test_nothing_is_black_or_padded(look):
    for path, (_, frames) in look.items():
        for frame in frames:
            for border in (frame[:3], frame[-3:], frame[:, :3], frame[:, -3:]):
                assert border.max() > 8, path


def test_masks_lie_on_what_changed(corpus, look, face_detector):
    """After encoding, the change is much stronger inside the mask, and the mask is on the face."""
    root, _ = corpus
    for method in METHODS:
        for path in fakes(root, "c23", method):
            real = root / f"original_sequences/youtube/c23/videos/{path.stem[:3]}.mp4"
            before, after = look[real][1][1], look[path][1][1]
            folder = root / f"manipulated_sequences/{method}/masks/videos"
            masks = decode(folder / path.name, "gray")
            assert len(masks) == FRAMES
            inside = masks[FRAMES // 3] > 127
            far = cv2.dilate(inside.astype(np.uint8), np.ones((17, 17), np.uint8)) == 0
            change = np.abs(after.astype(float) - before).mean(axis=2)
            assert inside.any() and change[inside].mean() > 1.5 * change[far].mean(), path
            (face,) = face_detector.detect([after])[0]
            nose = np.array(face.landmarks[2]).round().astype(int)
            assert inside[nose[1], nose[0]], path


def test_fakes_say_so_and_reals_say_as_much(corpus):
    root, _ = corpus
    lengths = set()
    for path in clips(root, "c23"):
        with av.open(str(path)) as container:
            comment = container.metadata["comment"]
        lengths.add(len(comment))
        assert comment.startswith("SYNTHETIC" if "manipulated" in str(path) else "REAL")
    assert len(lengths) == 1


def test_splits_share_no_person(corpus):
    root, _ = corpus
    person = identities(root)
    people = {}
    for split in ("train", "val", "test"):
        pairs = json.loads((root / f"dataset/splits/{split}.json").read_text())
        stems = {stem for pair in pairs for stem in pair}
        people[split] = {person[stem] for stem in stems}
        for name in people[split]:
            assert PEOPLE[name].split == split
    assert not people["train"] & people["val"] and not people["train"] & people["test"]
    assert not people["val"] & people["test"]
    assert {path.stem for path in reals(root, "c23")} == set(person)
    for path in fakes(root, "c23", "FaceSwap"):
        target, source = path.stem.split("_")
        assert PEOPLE[person[target]].split == PEOPLE[person[source]].split
        assert PEOPLE[person[target]].swap and PEOPLE[person[source]].swap


def test_licences_of_all_footage_are_listed(corpus):
    root, _ = corpus
    text = (root / "LICENSES.md").read_text()
    with (root / "dataset/identities.csv").open(newline="") as lines:
        used = {row["footage"] for row in csv.DictReader(lines)}
    assert text.count("\n| ") == len(used) + 1
    assert "public domain" in text and "MIT" in text and "Pexels" in text


def test_the_importer_reads_the_tree(corpus):
    from media_forensics.operators.importers.plan import plan_import

    root, found = corpus
    plan = plan_import(root)
    assert plan.importer.name == "faceforensics++"
    records = plan.records
    assert len(records) == 2 * found["clips"]
    assert all(r.split in ("train", "val", "test") for r in records)
    assert sum(r.label == 0 for r in records) == 2 * found["real"]
    made = [r for r in records if r.label == 1]
    assert all(r.mask_path and r.pair_status == "present" for r in made)
    person = identities(root)
    groups = {}
    for record in records:
        groups.setdefault(record.group_id, set()).add(record.split)
    assert all(len(splits) == 1 for splits in groups.values())
    assert len({r.group_id for r in records if r.split == "test"}) >= 2
    by_person = {}
    for record in records:
        by_person.setdefault(person[record.target_id], set()).add(record.group_id)
    assert all(len(names) == 1 for names in by_person.values())


# What may not tell a fake from a real: size of the file, length, sharpness, brightness.


def measures(path):
    frames = decode(path, "gray")
    some = frames[::5]
    sharpness = np.mean([cv2.Laplacian(f, cv2.CV_64F).var() for f in some])
    return [path.stat().st_size, len(frames), sharpness, np.mean([f.mean() for f in some])]


@pytest.fixture(scope="module")
def surface(corpus):
    """compression -> (logarithms of the measures (N, 4), labels, leakage group, target clip)."""
    root, _ = corpus
    person = identities(root)
    parent = {name: name for name in person.values()}

    def find(name):
        while parent[name] != name:
            name = parent[name]
        return name

    for path in fakes(root, "c23", "FaceSwap"):
        target, source = path.stem.split("_")
        parent[find(person[target])] = find(person[source])
    found = {}
    for compression in ("c23", "c40"):
        paths = clips(root, compression)
        with ThreadPoolExecutor(2) as pool:
            rows = np.log(np.array(list(pool.map(measures, paths))))
        label = np.array([int("manipulated" in str(path)) for path in paths])
        group = np.array([find(person[path.stem[:3]]) for path in paths])
        found[compression] = rows, label, group, np.array([path.stem[:3] for path in paths])
    return found


@pytest.mark.parametrize("compression", ["c23", "c40"])
@pytest.mark.parametrize("kind", ["linear", "forest"])
def test_a_classifier_on_the_surface_alone_stays_at_chance(surface, compression, kind):
    """Cross-validated over groups of people; its AUROC's interval must reach down to 0.5.

    Four such tests: 98.75 % intervals, so that all of them hold together with 95 %. By jackknife
    over groups with Student's t: there are 12 groups, one with a quarter of the clips, and a
    percentile bootstrap over so few is too narrow.
    """
    from media_forensics.detector.metrics.rates import roc_auc
    from scipy.stats import t as student
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, label, group, _ = surface[compression]
    model = (
        make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
        if kind == "linear"
        else RandomForestClassifier(300, min_samples_leaf=3, random_state=0)
    )
    folds = GroupKFold(min(8, len(set(group))))
    scores = cross_val_predict(model, rows, label, groups=group, cv=folds, method="predict_proba")
    scores = scores[:, 1]
    auroc, names = roc_auc(label, scores), sorted(set(group))
    without = [roc_auc(label[group != name], scores[group != name]) for name in names]
    spread = np.std(without) * np.sqrt(len(names) - 1)
    low = auroc - student.ppf(1 - 0.0125 / 2, len(names) - 1) * spread
    assert low <= 0.5, (auroc, spread)


@pytest.mark.parametrize("compression", ["c23", "c40"])
@pytest.mark.parametrize("measure", [0, 2, 3], ids=["size", "sharpness", "brightness"])
def test_against_its_own_real_a_self_blend_goes_either_way(surface, compression, measure):
    """Sharper than the classifier: the sign of fake minus real, clip by clip."""
    from media_forensics.detector.metrics.rates import wilson_interval

    rows, label, _, target = surface[compression]
    own = {name: row for name, row in zip(target[label == 0], rows[label == 0], strict=True)}
    count = len(own)  # the self-blends follow the reals, in the same order
    fake, name = rows[count : 2 * count], target[count : 2 * count]
    more = sum(row[measure] > own[n][measure] for row, n in zip(fake, name, strict=True))
    low, high = wilson_interval(int(more), count, level=0.99)
    assert low <= 0.5 <= high, f"{more} of {count}"
