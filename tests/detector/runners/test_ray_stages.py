"""How processors and GPUs are shared out, by what a Ray says it has."""

from __future__ import annotations

import pytest
from media_forensics.detector.runners.ray_stages import Stage, extract_stage, stages


class Cluster:
    """What the functions ask a Ray for."""

    def __init__(self, cpus: int, gpus: int) -> None:
        self.there = {"CPU": float(cpus), "GPU": float(gpus)} if gpus else {"CPU": float(cpus)}

    def cluster_resources(self) -> dict[str, float]:
        return self.there


@pytest.mark.parametrize(
    ("cpus", "gpus", "workers", "device", "wanted"),
    [
        (16, 1, 0, None, Stage(16, gpus=0.0625)),
        (16, 1, 0, "cpu", Stage(16)),
        (16, 0, 0, None, Stage(16)),
        (16, 2, 3, "cuda", Stage(3, gpus=0.5)),
        (96, 7, 0, None, Stage(96, gpus=0.0714)),
        (2, 8, 0, None, Stage(2, gpus=1.0)),
    ],
)
def test_extracting_actors_share_the_gpus(cpus, gpus, workers, device, wanted):
    assert extract_stage(Cluster(cpus, gpus), workers, device) == wanted


@pytest.mark.parametrize(("cpus", "gpus"), [(16, 1), (16, 2), (96, 7), (4, 4), (3, 8), (200, 1)])
def test_all_actors_find_room_at_the_same_time(cpus, gpus):
    for extract in (False, True):
        first, scorers = stages(Cluster(cpus, gpus), extract=extract)
        assert (first.gpus > 0) == extract
        left = [1.0 - scorers.gpus] * gpus
        assert scorers.most == gpus and scorers.gpus > 0.5  # one on each GPU
        for _ in range(first.most):
            gpu = max(range(gpus), key=left.__getitem__)
            left[gpu] -= first.gpus
            assert left[gpu] > -1e-9


def test_without_a_gpu_processors_decode_and_score():
    assert stages(Cluster(8, 0), extract=True) == (Stage(4), Stage(4))
    assert stages(Cluster(8, 2), device="cpu") == (Stage(4), Stage(4))
