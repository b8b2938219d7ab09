"""Crops that are read in processes, against threads on the same files."""

import threading
import time

import numpy as np
import psutil
import pytest
import torch
from media_forensics.detector.files.hashes import file_sha256
from media_forensics.detector.records import Reason
from media_forensics.detector.runners.crop_processes import decode_in_processes, decoder_for
from media_forensics.detector.scoring.crop_files import decode_in_threads
from media_forensics.detector.scoring.crop_scores import score_crops
from PIL import Image


@pytest.fixture
def files(pictures, tmp_path):
    """(path, sha256 or "") of good files, and of one of each kind of bad ones among them."""
    paths = []
    for index in range(40):
        paths.append(tmp_path / f"{index:02d}.png")
        Image.fromarray(pictures[index % len(pictures)]).save(paths[-1])
    hashes = [file_sha256(path) if index % 2 else "" for index, path in enumerate(paths)]
    paths[2].write_bytes(b"no picture")
    paths[4].unlink()
    paths[17].write_bytes(paths[0].read_bytes())  # its hash is noted, and it is another picture's
    paths[20].write_bytes(b"")
    return paths, hashes


def own_processes():
    return [p for p in psutil.Process().children() if "pool_worker" in " ".join(p.cmdline())]


def test_processes_and_threads_read_the_same(tiny, files):
    paths, hashes = files
    threads = list(decode_in_threads(tiny.preprocess, paths, hashes, 6))
    processes = list(decode_in_processes(tiny.preprocess, paths, hashes, 6, workers=2))
    assert [b.reasons for b in threads] == [b.reasons for b in processes]
    assert len(processes) == 7 and len(processes[-1].reasons) == 4
    assert all(torch.equal(a.pixels, b.pixels) for a, b in zip(threads, processes, strict=True))
    reasons = [reason for batch in processes for reason in batch.reasons]
    assert {i: r for i, r in enumerate(reasons) if r} == {
        2: Reason.UNREADABLE_IMAGE,
        4: Reason.MISSING_FILE,
        17: Reason.CHANGED_CROP,
        20: Reason.EMPTY_FILE,
    }
    assert not own_processes()


def test_scores_do_not_depend_on_who_reads(tiny_detector, files):
    import functools

    paths, hashes = files
    decode = functools.partial(decode_in_processes, workers=2)
    plain = list(score_crops(tiny_detector, paths, 8, hashes=hashes))
    apart = list(score_crops(tiny_detector, paths, 8, hashes=hashes, decode=decode))
    assert [b.indices for b in plain] == [b.indices for b in apart]
    for a, b in zip(plain, apart, strict=True):
        assert a.reasons == b.reasons
        np.testing.assert_array_equal(a.p_fake, b.p_fake)


def test_a_killed_process_loses_no_file(tiny, files):
    paths, hashes = (list(part) * 30 for part in files)
    batches = decode_in_processes(tiny.preprocess, paths, hashes, 50, workers=2)
    read = [next(batches)]
    victims = own_processes()
    assert len(victims) == 2
    victims[0].kill()
    read += batches
    plain = list(decode_in_threads(tiny.preprocess, paths, hashes, 50))
    assert [b.reasons for b in read] == [b.reasons for b in plain]
    assert all(torch.equal(a.pixels, b.pixels) for a, b in zip(read, plain, strict=True))


def test_leaving_early_ends_the_processes(tiny, files):
    before = set(threading.enumerate())
    batches = decode_in_processes(tiny.preprocess, *(list(p) * 20 for p in files), 4, workers=2)
    next(batches)
    batches.close()
    deadline = time.monotonic() + 30
    while own_processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not own_processes()
    assert not set(threading.enumerate()) - before


def test_a_cpu_and_few_files_are_read_by_threads():
    assert decoder_for(torch.device("cpu"), 10**6) is None
    assert decoder_for(torch.device("cuda"), 10) is None
