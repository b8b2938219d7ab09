"""Corpora that several test files look at: the whole one, and rendered clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def corpus(weights_dir, footage, tmp_path_factory) -> tuple[Path, dict]:
    """The whole corpus of the footage that is there, both compressions, and what was returned."""
    from media_forensics.operators.demo import build_demo_corpus

    root = tmp_path_factory.mktemp("demo") / "corpus"
    return root, build_demo_corpus(root, footage=footage)


SMALL = {"small": True, "compressions": ("c40",)}


@pytest.fixture(scope="session")
def small_corpus(weights_dir, footage, tmp_path_factory) -> tuple[Path, dict, list]:
    """A small corpus at c40, what was returned, and the steps that were reported."""
    from media_forensics.operators.demo import build_demo_corpus

    root = tmp_path_factory.mktemp("small") / "new" / "corpus"
    steps = []
    found = build_demo_corpus(
        root, footage=footage, progress=lambda *step: steps.append(step), **SMALL
    )
    return root, found, steps


@pytest.fixture(scope="session")
def rendered(footage, face_detector):
    """number -> the clip before encoding, rendered once."""
    from media_forensics.operators.demo.camera import render
    from media_forensics.operators.demo.clips import CLIPS

    plans = {plan.number: plan for plan in CLIPS}
    done = {}

    def clip(number: int):
        if number not in done:
            plan = plans[number]
            rng = np.random.default_rng([0, number, 1])
            done[number] = render(plan, footage[plan.footage], face_detector, rng)
        return done[number]

    return clip
