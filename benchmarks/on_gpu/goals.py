"""Defines the goals, and judges whether the measurements meet them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .results import Row


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal on one H100 or H200 with 16 cores.

    Attributes:
        key: name that rows give in :attr:`Row.goal`
        what: the measured thing, and its baseline
        bound: bound of the row's ratio, or of its value if it has no ratio
        least: True if the bound is a minimum, False if it is a maximum
    """

    key: str
    what: str
    bound: float
    least: bool = True

    def words(self) -> str:
        """Return the bound as a table shows it."""
        return f"{'≥' if self.least else '≤'} {self.bound:g}"

    def judged(self, rows: Iterable[Row]) -> tuple[float | None, str]:
        """Return the goal's largest figure, and ``met``, ``missed`` or ``not measured``."""
        figures = [row.figure for row in rows if row.goal == self.key and row.figure is not None]
        if not figures:
            return None, "not measured"
        found = max(figures)
        good = found >= self.bound if self.least else found <= self.bound
        return found, "met" if good else "missed"


GOALS = (
    Goal("tower", "tower against transformers' with half-precision weights", 1.15),
    Goal("files", "scoring from PNG files against the lean bare tower", 0.85),
    Goal("memory", "scoring pictures in memory against the lean bare tower", 0.95),
    Goal("extraction", "extraction against the one-core rate times the cores", 0.8),
    Goal("busy", "extraction: the busier of GPU and cores, share of time", 0.85),
    Goal("first", "extraction: seconds to the first result", 3.0, least=False),
    Goal("step", "LN step against transformers and PEFT, pictures a second", 1.4),
    Goal("step memory", "LN step's memory over the model against the same", 0.65, least=False),
    Goal("epoch", "whole epochs against the step alone", 0.9),
    Goal("batch waits", "waits of the host for the GPU in a batch of scores", 0, least=False),
    Goal("step waits", "waits of the host for the GPU in an LN step", 1, least=False),
    Goal("face waits", "waits of the host for the GPU in a batch of frames", 2, least=False),
    Goal("fp32", "fp32: largest gap of p_fake to the CPU's", 1e-5, least=False),
    Goal("half", "default precision: largest gap of p_fake to the CPU's", 0.005, least=False),
    Goal("landmarks", "landmarks: pixels from the CPU's", 0.01, least=False),
    Goal("crops", "crops: grey levels from the CPU's", 1.0, least=False),
)
