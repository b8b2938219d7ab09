"""Two ranks on gloo compute the gradients of one, whatever the rows' distribution."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from media_forensics.training import distributed
from media_forensics.training.step import backward_on_pixels
from media_forensics.training.trained import new_detector, trainable

MOUNT = Path(__file__).resolve().parents[2] / "_mount"

WORKER = """
import json, sys, torch
from media_forensics.training import distributed
from media_forensics.training.config import TrainConfig
from media_forensics.training.step import backward_on_pixels
from media_forensics.training.trained import new_detector, trainable

folder, bounds = sys.argv[1], json.loads(sys.argv[2])
device = distributed.start_from_environment("cpu")  # also where there is a GPU, but only one
config = TrainConfig.from_json(json.load(open(f"{folder}/config.json")))
detector = new_detector(config, torch.device("cpu"))
tower, head = trainable(detector, config)
data = torch.load(f"{folder}/batch.pt", weights_only=True)
rank = distributed.rank()
mine = slice(bounds[rank], bounds[rank + 1])
terms = backward_on_pixels(
    detector, detector.backbone, data["pixels"][mine], data["labels"][mine], config,
    torch.Generator().manual_seed(3),
)
distributed.reduce_gradients(tower, head.parameters())
grads = {k: p.grad for k, p in detector.named_parameters() if p.grad is not None}
torch.save({"grads": grads, "total": terms.read()[0].total, "crops": terms.crops,
            "any": distributed.any_rank(rank == 1, torch.device("cpu"))}, f"{folder}/rank{rank}.pt")
distributed.wait_for_all()
distributed.finish()
"""


def torchrun(script: Path, *arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(MOUNT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*command, "--nproc-per-node=2", str(script), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize(
    "bounds",
    [
        pytest.param("[0, 6, 12]", id="even", marks=pytest.mark.long("the easy half of uneven")),
        pytest.param("[0, 5, 12]", id="uneven"),
    ],
)
def test_two_ranks_give_the_gradient_of_one(bounds, tiny_config, tmp_path):
    config = tiny_config(slerp=True, alignment_weight=0.3, uniformity_weight=0.7)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (12, 3, 28, 28), dtype=torch.uint8, generator=generator)
    labels = torch.tensor([0, 1, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0])
    (tmp_path / "config.json").write_text(json.dumps(config.to_json()))
    torch.save({"pixels": pixels, "labels": labels}, tmp_path / "batch.pt")
    (tmp_path / "worker.py").write_text(WORKER)
    torchrun(tmp_path / "worker.py", str(tmp_path), bounds)

    detector = new_detector(config, torch.device("cpu"))
    trainable(detector, config)
    generator = torch.Generator().manual_seed(3)
    terms = backward_on_pixels(detector, detector.backbone, pixels, labels, config, generator)
    alone = {k: p.grad for k, p in detector.named_parameters() if p.grad is not None}
    for rank in (0, 1):
        found = torch.load(tmp_path / f"rank{rank}.pt", weights_only=True)
        assert found["crops"] == 12
        assert found["total"] == pytest.approx(terms.read()[0].total, abs=1e-6)
        assert found["any"] is True
        assert found["grads"].keys() == alone.keys()
        for name, gradient in alone.items():
            torch.testing.assert_close(found["grads"][name], gradient, rtol=1e-4, atol=1e-6)


def test_one_process_needs_no_group(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert distributed.start_from_environment("cpu") == "cpu"
    assert (distributed.ranks(), distributed.rank()) == (1, 0)
    rows = torch.randn(3, 2, requires_grad=True)
    assert distributed.gather_rows(rows) is rows
    assert distributed.any_rank(False, torch.device("cpu")) is False
    distributed.reduce_gradients([], [])
    distributed.finish()
