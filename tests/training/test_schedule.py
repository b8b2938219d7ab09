from __future__ import annotations

import math

import pytest
import torch
from media_forensics.training.config import TrainConfig, named_recipe
from media_forensics.training.schedule import learning_rate, set_rate


def test_cosine_is_torchs_cosine_stepped_per_batch():
    config = named_recipe("ln")
    steps = 7
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW([parameter], lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, T_max=config.epochs * steps, eta_min=config.min_learning_rate
    )
    for step in range(config.epochs * steps):
        rate = learning_rate(config, step / steps)
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        schedule.step()
    assert learning_rate(config, config.epochs) == pytest.approx(config.min_learning_rate)


def test_each_cycle_warms_up_and_falls():
    config = named_recipe("gend")
    for start in (0, 10, 20):
        assert learning_rate(config, start) == pytest.approx(1e-5)
        assert learning_rate(config, start + 0.5) == pytest.approx((1e-5 + 3e-4) / 2)
        assert learning_rate(config, start + 1) == pytest.approx(3e-4)
        assert learning_rate(config, start + 5.5) == pytest.approx((1e-5 + 3e-4) / 2)
        end = 1e-5 + (3e-4 - 1e-5) * (1 + math.cos(math.pi * 8.9 / 9)) / 2
        assert learning_rate(config, start + 9.9) == pytest.approx(end)


def test_no_warm_up_and_constant():
    config = TrainConfig(warmup_epochs=0.0)
    assert learning_rate(config, 0) == pytest.approx(3e-4)
    assert learning_rate(config.changed(schedule="constant"), 17.3) == 3e-4


def test_groups_keep_their_ratio():
    config = named_recipe("ln", head_learning_rate=8e-3)
    a, b = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW(
        [
            {"params": [a], "base_lr": config.learning_rate},
            {"params": [b], "base_lr": config.head_learning_rate},
        ]
    )
    set_rate(optimizer, config, 5)
    rates = [group["lr"] for group in optimizer.param_groups]
    assert rates[1] / rates[0] == pytest.approx(100)
    assert rates[0] == pytest.approx((8e-5 + 5e-5) / 2)
