"""Holds the checked arguments of a call of ``score_faces``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..dataset import fields
from ..jobs import runners


@dataclass(frozen=True, slots=True)
class Forward:
    """How crops pass through the network, as given to ``score_faces.run``."""

    device: str | None
    precision: str | None
    batch_size: int | None
    engine: str = "eager"


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """The arguments of one scoring run.

    Attributes:
        source: argument for :func:`load_detector`, here and on other machines
        recipe_hash: hash of the recipe of the crops
        names: fields to write
        rule: video score rule
        overwrite: replace the scores of another checkpoint
        shard: (I, N): only the videos of shard I (0-based) of N
        forward: how crops pass through the network
        where: the runner
        root: folder of the scores that a pool, Ray or shards store on disk
        embeddings, embeddings_dir: where embeddings are stored
        merge_from: folders of scores to merge instead of computing any
        allow_gaps: merge even if something is missing
    """

    source: str
    recipe_hash: str
    names: fields.ScoreFields
    rule: str
    overwrite: bool
    shard: tuple[int, int]
    forward: Forward
    where: runners.Runner
    root: Path
    embeddings: str
    embeddings_dir: str | None
    merge_from: tuple[str, ...]
    allow_gaps: bool

    @property
    def is_here(self) -> bool:
        """Whether this process computes the scores."""
        return self.where.kind == runners.HERE and not self.merge_from

    def in_precision(self, precision: str | None) -> ScoreRequest:
        """Return the request with this precision."""
        return replace(self, forward=replace(self.forward, precision=precision))

    def options(self) -> dict[str, Any]:
        """Return the command-line options with the same effect."""
        return asdict(self.forward)
