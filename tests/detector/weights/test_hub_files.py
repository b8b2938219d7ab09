"""Published files from a hub that lies, breaks off and stalls: the real clients, a real server."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hub_server import running_hub
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files import cache
from media_forensics.detector.weights import (
    download,
    fetch as weights,
    known as known_module,
    known_detectors,
)
from media_forensics.detector.weights.hub_files import HubFile, fetch_file, origin_of
from media_forensics.detector.weights.known_detectors import PUBLISHED, find_detector

FIRST, SECOND = "a" * 40, "b" * 40
MODEL = bytes(range(256)) * 4096  # a megabyte
CONFIG = b'{"backbone": "vit_pe_core_large_patch14_336"}'
NAME = "gend_pe_l14"  # its authors state no sha256, and no commit is known
REPOSITORY = PUBLISHED[NAME].repository


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with one detector, and an empty cache."""
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(download.TIMEOUT_VARIABLE, "5")
    with running_hub() as found:
        found.commits[FIRST] = {"model.safetensors": MODEL, "config.json": CONFIG}
        found.commits[SECOND] = {"model.safetensors": MODEL[::-1], "config.json": CONFIG[::-1]}
        found.main = FIRST
        monkeypatch.setenv("HF_ENDPOINT", found.url)
        yield found


def visible(folder) -> set[str]:
    """Names of the files in ``folder`` that a loader would find."""
    here = folder.iterdir() if folder.is_dir() else ()
    return {path.name for path in here if not path.name.startswith(".")}


def test_the_commit_and_the_digests_are_written_down_and_hold_ever_after(hub):
    known = PUBLISHED[NAME]
    assert find_detector(NAME, allow_download=True) == known.path
    folder = known.path.parent
    assert known.path.read_bytes() == MODEL and (folder / "config.json").read_bytes() == CONFIG
    origin = origin_of(folder)
    assert origin is not None and origin.commit == FIRST and origin.repository == REPOSITORY
    assert origin.files == {
        "model.safetensors": hashlib.sha256(MODEL).hexdigest(),
        "config.json": hashlib.sha256(CONFIG).hexdigest(),
    }
    fetched = [p for method, p, *_ in hub.asked if method == "GET" and "/resolve/" in p]
    assert all("/main/" not in path and FIRST in path for path in fetched), fetched

    hub.main = SECOND  # the authors go on
    (folder / "config.json").unlink()
    find_detector(NAME, allow_download=True)
    assert (folder / "config.json").read_bytes() == CONFIG
    for file in known.files:
        before = (folder / file).read_bytes()
        (folder / file).write_bytes(before[::-1])
        for allowed in (False, True):
            with pytest.raises(ForensicsError, match="not the published file"):
                find_detector(NAME, allow_download=allowed)
        (folder / file).write_bytes(before)


def test_main_that_moves_between_two_requests_gives_files_of_one_commit(hub):
    hub.wrong["moves"] = SECOND  # after the first answer
    find_detector(NAME, allow_download=True)
    folder = PUBLISHED[NAME].path.parent
    assert (folder / "model.safetensors").read_bytes() == MODEL
    assert (folder / "config.json").read_bytes() == CONFIG


LIES = {
    "other bytes": ({"bytes": MODEL[::-1]}, "other bytes than expected"),
    "fewer bytes": ({"bytes": MODEL[:-7]}, "instead of"),
    "more bytes": ({"bytes": MODEL + b"x"}, "instead of"),
    "more bytes, unannounced": ({"bytes": MODEL + b"x", "no length": 1}, "more than"),
    "another digest": ({"digest": "0" * 64}, "other bytes than expected"),
    "no digest": ({"digest": "W/none"}, "no digest"),
    "another size": ({"size": 5}, "instead of 5"),
    "a web page": ({"page": True}, "a web page"),
    "another commit": ({"commit": SECOND}, "not"),
    "no commit": ({"no commit": True}, "names no commit"),
    "not there": ({"status": 404}, "has no model"),
    "not for everybody": ({"status": 403}, "to everybody"),
    "not signed in": ({"status": 401}, "to everybody"),
    "out of order": ({"status": 500}, "could not be looked up"),
    "sent to a file": ({"location": "file:///etc/passwd"}, "not allowed"),
    "sent nowhere": ({"location": "http://127.0.0.1:9/x"}, "could not be downloaded"),
}


@pytest.mark.parametrize("lie", list(LIES))
def test_a_hub_that_lies_is_one_sentence_and_leaves_no_file(lie, hub):
    hub.wrong.update(LIES[lie][0])
    folder = PUBLISHED[NAME].path.parent
    with pytest.raises(ForensicsError, match=LIES[lie][1]) as caught:
        wanted = PUBLISHED[NAME].part("model.safetensors")
        if lie == "another commit":
            wanted = replace(wanted, commit=FIRST)
        fetch_file(wanted, folder)
    assert "\n" not in str(caught.value) and "Traceback" not in str(caught.value)
    assert visible(folder) == set()
    hub.wrong.clear()
    find_detector(NAME, allow_download=True)
    assert PUBLISHED[NAME].path.read_bytes() == MODEL


def test_a_stated_sha256_is_compared_before_a_byte_is_fetched(hub):
    wanted = HubFile(REPOSITORY, "model.safetensors", FIRST, sha256="1" * 64)
    with pytest.raises(ForensicsError, match="another file than the published one"):
        fetch_file(wanted, PUBLISHED[NAME].path.parent)
    assert hub.ranges() == []


def test_what_broke_off_goes_on_where_it_was(hub):
    hub.wrong["breaks"] = 3
    find_detector(NAME, allow_download=True)  # by itself: each time more came
    assert PUBLISHED[NAME].path.read_bytes() == MODEL
    first, *others = [found for found in hub.ranges()]
    assert first is None and others == ["bytes=524288-", "bytes=786432-", "bytes=917504-"]


def test_what_stalled_is_given_up_and_the_next_call_goes_on(hub, monkeypatch):
    monkeypatch.setenv(download.TIMEOUT_VARIABLE, "0.5")
    folder = PUBLISHED[NAME].path.parent
    hub.wrong["stalls"] = 3
    with pytest.raises(ForensicsError, match=r"sent nothing for 0.5 s \(524288 bytes are kept\)"):
        find_detector(NAME, allow_download=True)
    assert visible(folder) == set()
    hub.wrong.clear()
    find_detector(NAME, allow_download=True)
    assert hub.ranges()[-1] == "bytes=524288-"
    assert PUBLISHED[NAME].path.read_bytes() == MODEL
    assert visible(folder) == {"model.safetensors", "config.json", "origin.json"}
    assert not list(folder.glob(".*"))


def test_a_byte_now_and_then_is_a_stall_too(hub, monkeypatch):
    monkeypatch.setenv(download.TIMEOUT_VARIABLE, "1")
    hub.wrong["trickles"] = True
    with pytest.raises(ForensicsError, match="sent nothing for 1 s"):
        find_detector(NAME, allow_download=True)


@pytest.mark.parametrize("wrong", [{"no ranges": True}, {"shift": 1}])
def test_a_server_without_honest_ranges_never_gives_a_mixture(wrong, hub):
    hub.wrong.update({"breaks": 1, **wrong})
    if "shift" in wrong:
        with pytest.raises(ForensicsError, match="bytes from"):
            find_detector(NAME, allow_download=True)
        hub.wrong.clear()
    find_detector(NAME, allow_download=True)
    assert PUBLISHED[NAME].path.read_bytes() == MODEL


def test_the_token_goes_to_the_hub_and_to_no_other_host(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    find_detector(NAME, allow_download=True)
    shown = {path.startswith("/cdn/"): token for method, path, _, token in hub.asked}
    assert shown[True] is None
    assert {token for _, path, _, token in hub.asked if path.startswith("/cdn/")} == {None}


def test_a_file_put_there_by_hand_is_written_down_at_its_first_use(hub):
    known = PUBLISHED[NAME]
    known.path.parent.mkdir(parents=True)
    known.path.write_bytes(MODEL)
    assert find_detector(NAME) == known.path
    origin = origin_of(known.path.parent)
    assert origin is not None and origin.commit == "" and list(origin.files) == [known.file]
    known.path.write_bytes(MODEL[::-1])
    with pytest.raises(ForensicsError, match="not the published file"):
        find_detector(NAME)


def test_what_the_hubs_client_noted_is_compared(hub):
    from huggingface_hub import hf_hub_download

    known = PUBLISHED[NAME]
    folder = known.path.parent
    notes = folder / ".cache/huggingface/download"
    notes.mkdir(parents=True)
    known.path.write_bytes(MODEL)
    (notes / "model.safetensors.metadata").write_text(f"{FIRST}\n{'0' * 64}\n1\n")
    with pytest.raises(ForensicsError, match="not the published file"):
        find_detector(NAME)
    sha256 = hashlib.sha256(MODEL).hexdigest()
    (notes / "model.safetensors.metadata").write_text(f"{FIRST}\n{sha256}\n1\n")
    find_detector(NAME)
    origin = origin_of(folder)
    assert origin is not None and origin.commit == FIRST
    assert hf_hub_download is not None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"repository":1,"commit":"","files":{}}'])
def test_a_damaged_note_is_said(text, hub):
    known = PUBLISHED[NAME]
    known.path.parent.mkdir(parents=True)
    known.path.write_bytes(MODEL)
    (known.path.parent / "origin.json").write_text(text)
    with pytest.raises(ForensicsError, match=r"origin\.json cannot be read"):
        find_detector(NAME)


def test_a_direct_download_resumes_and_is_checked(hub, tmp_path, monkeypatch):
    entry = known_module.KnownWeights(
        "served",
        "w/x.bin",
        sha256=hashlib.sha256(MODEL).hexdigest(),
        url=f"{hub.url}/cdn/{REPOSITORY}/resolve/{FIRST}/model.safetensors",
    )
    monkeypatch.setitem(known_module.KNOWN, "served", entry)
    hub.wrong["stalls"] = 3
    with pytest.raises(ForensicsError, match="are kept"):
        weights.download(entry, timeout=0.5)
    hub.wrong.clear()
    steps: list[tuple[int, int]] = []
    path = weights.download(entry, lambda *step: steps.append(step))
    assert path.read_bytes() == MODEL and steps[-1] == (len(MODEL), len(MODEL))
    assert hub.ranges()[-1] == "bytes=524288-"


def test_every_published_file_has_a_digest_or_a_commit_when_it_is_here(hub):
    for known in PUBLISHED.values():
        assert known.revision == "" or len(known.revision) == 40, known.name
        assert known.revision != "main"
    assert known_detectors.PUBLISHED[NAME].command.endswith(NAME)


def test_the_zoo_takes_the_same_files(hub, tmp_path, fiftyone_db):
    from media_forensics.operators.scoring import zoo

    folder = tmp_path / "zoo"
    zoo.download_model("mediaforensics/gend-pe-l14", str(folder))
    assert (folder / "model.safetensors").read_bytes() == MODEL
    assert json.loads((folder / "origin.json").read_text())["commit"] == FIRST
    (folder / "config.json").write_bytes(b"{}")
    with pytest.raises(ForensicsError, match="not the published file"):
        zoo.load_model("mediaforensics/gend-pe-l14", str(folder))


def test_a_tower_of_open_clip_comes_the_same_way(hub):
    from media_forensics.detector.model.towers import load_tower

    hub.commits[FIRST]["open_clip_model.safetensors"] = MODEL
    with pytest.raises(ForensicsError):  # these bytes are no tower; they are fetched all the same
        load_tower("open_clip:ViT-B-32:laion2b_s34b_b79k", allow_download=True)
    folder = cache.cache_dir() / "weights/open_clip-ViT-B-32-laion2b_s34b_b79k"
    origin = origin_of(folder)
    assert origin is not None and origin.commit == FIRST
    (folder / "open_clip_model.safetensors").write_bytes(b"x")
    with pytest.raises(ForensicsError, match="not the published file"):
        load_tower("open_clip:ViT-B-32:laion2b_s34b_b79k")
