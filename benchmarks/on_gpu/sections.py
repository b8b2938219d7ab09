"""The sections in their order, each with a limit in seconds, and the process that runs them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from .results import Results


@dataclass(frozen=True, slots=True)
class Section:
    """A module of this package and the function in it that measures.

    Attributes:
        seconds: after which it begins nothing more; on a GPU it takes about half of that
    """

    module: str
    function: str
    seconds: float


SECTIONS = {
    "material": Section("material", "prepare", 60),
    "machine": Section("machine", "measure", 20),
    "tower": Section("tower", "measure", 70),
    "scoring": Section("scoring", "measure", 80),
    "extraction": Section("extraction", "measure", 90),
    "training": Section("training", "measure", 100),
    "correctness": Section("correctness", "measure", 80),
}
PATIENCE = 4  # times longer where the machine is slow: tiny shapes, but a CPU that others use


def limit(name: str, small: bool) -> float:
    """Seconds of a section."""
    return SECTIONS[name].seconds * (PATIENCE if small else 1)


def run_here(
    names: list[str], folder: Path, log: Path, device: str, small: bool, seconds: float
) -> None:
    """Run sections one after the other in this process; each begins and ends with a line of the
    log, so that the process that watches knows where one was cut off.

    Args:
        seconds: for all of them
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
