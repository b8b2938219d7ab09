from __future__ import annotations

import itertools
import json

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.training.config import (
    EXECUTION,
    RECIPES,
    TrainConfig,
    differences,
    named_recipe,
)


@pytest.mark.parametrize("name", RECIPES)
def test_json_round_trip(name):
    config = named_recipe(name)
    assert config.name == name
    assert TrainConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_hash_covers_everything_but_the_execution():
    base = TrainConfig()
    other = {
        "name": "x",
        "micro_batch": 4,
        "activation_checkpointing": True,
        "compile": True,
        "workers": 2,
        "cache_gb": 1.0,
        "save_every_seconds": 5.0,
        "tensorboard": True,
    }
    assert set(other) == set(EXECUTION)
    assert all(base.changed(**{k: v}).hash == base.hash for k, v in other.items())
    hashes = {config.hash for config in RECIPES.values()}
    assert len(hashes) == len(RECIPES)
    assert base.changed(seed=1).hash != base.hash
    assert base.changed(precision="bf16").hash != base.hash


def test_the_authors_values():
    gend = named_recipe("gend")
    assert (gend.learning_rate, gend.min_learning_rate, gend.batch_size) == (3e-4, 1e-5, 128)
    assert (gend.alignment_weight, gend.uniformity_weight, gend.slerp) == (0.1, 0.5, False)
    assert (gend.epochs, gend.patience, gend.cycle_epochs, gend.warmup_epochs) == (30, 30, 10, 1)
    paper1 = named_recipe("ln_l2_unal_slerp")
    assert (paper1.learning_rate, paper1.min_learning_rate, paper1.epochs) == (8e-5, 5e-5, 10)
    assert (paper1.alignment_weight, paper1.uniformity_weight, paper1.slerp) == (0.1, 0.1, True)
    assert (paper1.betas, paper1.weight_decay, paper1.seed) == ((0.9, 0.999), 0.0, 42)


def test_each_row_of_the_ablation_is_one_switch():
    steps = ["linear_probe", "ln", "ln_l2", "ln_l2_unal", "ln_l2_unal_slerp"]
    changed = [
        set(differences(RECIPES[a], RECIPES[b])) - {"name"} for a, b in itertools.pairwise(steps)
    ]
    assert changed == [
        {"tune"},
        {"normalize"},
        {"alignment_weight", "uniformity_weight"},
        {"slerp"},
    ]


def test_unknown_keys_name_the_nearest():
    with pytest.raises(ForensicsError, match="learning_rate"):
        TrainConfig.from_json({"learning_rte": 1e-3})
    with pytest.raises(ForensicsError, match="no training recipe 'lnl2'"):
        named_recipe("lnl2")
    with pytest.raises(ForensicsError, match="no setting 'lr'"):
        named_recipe("ln", lr=1.0)


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 1},
        {"batch_size": 8.0},
        {"batch_size": True},
        {"epochs": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"learning_rate": "3e-4"},
        {"min_learning_rate": 1.0},
        {"slerp_range": (0.5, 0.2)},
        {"slerp_range": (0.0, 1.5)},
        {"slerp": 1},
        {"schedule": "linear"},
        {"tune": "prompt"},
        {"warmup_epochs": 10.0},
        {"ce_weight": 0.0},
        {"self_blend_probability": 1.5},
        {"workers": -2},
        {"betas": (0.9,)},
        {"weight_cap": 0.5},
        {"backbone": None},
        {"label_smoothing": 1.0},
    ],
)
def test_bad_values_are_refused_with_their_field(settings):
    with pytest.raises(ForensicsError) as caught:
        TrainConfig(**settings)
    assert caught.value.field == next(iter(settings))


def test_embeddings_are_cached_only_where_pictures_stay_the_same():
    probe = named_recipe("linear_probe", augmentation="none")
    assert probe.caches_embeddings
    assert not named_recipe("linear_probe").caches_embeddings
    assert not probe.changed(self_blend_probability=0.5).caches_embeddings
    assert not named_recipe("ln", augmentation="none").caches_embeddings
