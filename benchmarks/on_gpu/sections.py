"""Defines the sections in their order, each with a time limit, and runs them in a process."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from .results import Results


@dataclass(frozen=True, slots=True)
class Section:
    """A module of this package and its function that measures.

    Attributes:
        seconds: time after which it starts nothing more; on a GPU it takes about half of that
    """

    module: str
    function: str
    seconds: float


SECTIONS = {
    "material": Section("material", "prepare", 60),
    "machine": Section("machine", "measure", 20),
    "tower": Section("tower", "measure", 70),
    "scoring": Section("scoring", "measure", 80),
    "waits": Section("waits", "measure", 25),
    "explanations": Section("explanations", "measure", 30),
    "extraction": Section("extraction", "measure", 90),
    "training": Section("training", "measure", 100),
    "correctness": Section("correctness", "measure", 80),
    "engines": Section("engines", "measure", 240),
}
ON_REQUEST = ("engines",)  # compiling ViT-L/14 takes minutes
PATIENCE = 4  # factor on a slow machine: tiny shapes, but a CPU with other work


def limit(name: str, small: bool) -> float:
    """Return the time limit of a section in seconds."""
    return SECTIONS[name].seconds * (PATIENCE if small else 1)


def run_here(
    names: list[str], folder: Path, log: Path, device: str, small: bool, seconds: float
) -> None:
    """Run sections one after the other in this process.

    Each begins and ends with a line in the log, so that the watching process knows where one was
    cut off.

    Args:
        seconds: time limit for all of them
    """
    import time

    import torch

    from .bench import Bench
    from .clock import free
    from .machine import cores, facts

    ends = time.monotonic() + seconds
    where = torch.device(device)
    if where.type == "cuda":
        where = torch.device("cuda", where.index or 0)
        torch.cuda.set_device(where)
    bench = Bench(folder, where, small)
    if small:
        torch.set_num_threads(min(2, cores()))
    Results(log, "machine", 0).event(facts=facts(bench))
    for name in names:
        out = Results(log, name, min(limit(name, small), ends - time.monotonic()))
        out.event(begin=name)
        section = SECTIONS[name]
        function = getattr(
            importlib.import_module(f".{section.module}", __package__), section.function
        )
        out.attempt(name, lambda f=function, o=out: f(bench, o))
        free(bench.device)
        out.event(end=name)
