"""What a call of ``score_faces`` asks for: its arguments, checked and put together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..dataset import fields
from ..jobs import runners


@dataclass(frozen=True, slots=True)
class Forward:
    """How crops go through the network, as given to ``score_faces.run``."""

    device: str | None
    precision: str | None
    batch_size: int | None


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """One scoring.

    Attributes:
        source: what loads the detector, here and elsewhere
        recipe_hash: of the crops
        names: fields that are written
        rule: video score rule
        overwrite: replace the scores of another checkpoint
        shard: (I, N): only the videos of shard I (0-based) of N
        forward: how crops go through the network
        where: the runner
        root: folder of the scores that a pool, Ray or shards keep on disk
        embeddings, embeddings_dir: where embeddings are kept
        merge_from: folders of scores that are merged, in place of computing any
        allow_gaps: merge although something is missing
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

    def options(self) -> dict[str, Any]:
        """The options of the command line that do the same."""
        return asdict(self.forward)
