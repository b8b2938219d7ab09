"""Puts training into sentences: what a view holds, what a run costs, and its state."""

from __future__ import annotations

from typing import Any

from ...training.budget import Budget, duration
from ..app.markup import plain
from .training_manifest import Contents, counts
from .training_records import WORDS, TrainingRun

TOO_LONG = (
    "This takes too long to wait for: the App stops an operator after ten minutes. Choose "
    "'Schedule', or "
    "switch on 'In the background'."
)


def contents(found: Contents) -> str:
    """Write videos, faces, pairs and balance of a manifest in one paragraph."""
    parts = []
    for split, c in counts(found.manifest).items():
        name = "Training" if split == "train" else "Validation"
        parts.append(
            f"{name}: {c['real_faces']} real and {c['fake_faces']} fake faces of {c['videos']} "
            f"videos in {c['groups']} groups"
            + (f" ({found.validation})." if split == "val" else ".")
        )
    report = found.report
    if report.paired_videos is not None:
        parts.append(f"{report.paired_videos:.0%} of the fake training videos have their real.")
    methods = ", ".join(f"{name} {n}" for name, n in sorted(report.methods.items()))
    parts.append(f"By method: {methods}.")
    for factor, n in sorted(found.weighted.items()):
        if factor != 1.0:
            parts.append(f"{n} faces are drawn {factor:g} times as often.")
    for reason, n in found.left_out.items():
        parts.append(f"{n} faces left out ({reason}).")
    return " ".join(parts)


def cost(found: Budget) -> str:
    """Write the steps and the expected time of a run."""
    if found.seconds is None:
        return f"{found.steps} steps; a step of this tower is measured when the run starts."
    return f"{found.steps} steps, about {duration(found.seconds)} on this machine (measured)."


def auroc(best: dict[str, Any]) -> str:
    """Write the AUROC as ``0.912 [0.850, 0.961]``, ``0.912 [too few groups]`` or ``n/a``."""
    if not best or best.get("auroc") is None:
        return "n/a"
    low, high = best.get("auroc_low"), best.get("auroc_high")
    bounds = "[too few groups]" if low is None else f"[{low:.3f}, {high:.3f}]"
    return f"{best['auroc']:.3f} {bounds}"


def progress(run: TrainingRun) -> str:
    """Write how far a run is."""
    done = f"step {run.step} of {run.steps}" if run.steps else "not begun"
    if run.seconds_left is not None:
        done += f", {duration(run.seconds_left)} left"
    return done + (f", on {run.host}" if run.host else "")


def short(run: TrainingRun) -> str:
    """Write the state of a run in a few words, with the reason if something is wrong."""
    if run.status == "failed":
        return f"failed: {run.error}"
    if run.status == "completed":
        return f"completed, {run.step} steps"
    done = progress(run)
    return done if run.status == "running" else f"{run.status}, {done}"


def status(run: TrainingRun) -> str:
    """Write the state of a run, with the reason if it failed."""
    text = f"{run.status}: {WORDS[run.status]}"
    return f"{text}: {run.error}" if run.error and run.status == "failed" else text


def table(found: list[TrainingRun]) -> str:
    """Write the runs as a Markdown table."""
    lines = [
        "| run | status | recipe | progress | best validation AUROC [95 %] |",
        "|---|---|---|---|---|",
    ]
    for run in found:
        lines.append(
            f"| {plain(run.key)} | {plain(status(run))} | {plain(run.config.get('name', ''))} on "
            f"{plain(run.config.get('backbone', 'a tower that is not recorded'))} "
            f"| {progress(run)} | {auroc(run.best)} |"
        )
    return "\n".join(lines) if found else "No training runs yet."
