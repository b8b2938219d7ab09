"""Lists every review queue: its name, its description and the columns that it needs."""

from __future__ import annotations

from dataclasses import dataclass

from . import by_embedding, by_score, by_time
from .by_score import Ranking


@dataclass(frozen=True, slots=True)
class Queue:
    """A review queue.

    Attributes:
        name: the reason code used in fields, tags and views
        label: name for people
        why: content of the queue, in one phrase
        rank: returns the faces, most urgent first
        needs: what it needs besides scores: ``group_id``, ``split``, or numbers or vectors by name
        truth: True if it needs labels; faces without a label are then left out
        default: True if filled by default
    """

    name: str
    label: str
    why: str
    rank: Ranking
    needs: tuple[str, ...] = ()
    default: bool = False
    truth: bool = True


CATALOGUE: dict[str, Queue] = {
    queue.name: queue
    for queue in (
        Queue(
            "false_positive",
            "False positives",
            "reals that score as fake, in turn from each dataset",
            by_score.false_positives,
            default=True,
        ),
        Queue(
            "false_negative",
            "False negatives",
            "fakes that score as real",
            by_score.false_negatives,
            default=True,
        ),
        Queue(
            "high_loss",
            "High loss",
            "most surprising for the detector, in turn from each method",
            by_score.high_loss,
            default=True,
        ),
        Queue(
            "pair_anomaly",
            "Pair anomaly",
            "fakes that score no higher than their own real",
            by_score.pair_anomaly,
            default=True,
        ),
        Queue(
            "unsteady",
            "Unsteady persons",
            "the frame farthest from its person's median: a bad crop, or manipulated in part",
            by_time.unsteady,
            default=True,
            truth=False,
        ),
        Queue(
            "change_point",
            "Change points",
            "the frame from which a person's score stays on the other side of the threshold",
            by_time.change_points,
            default=True,
            truth=False,
        ),
        Queue(
            "group_leak",
            "Groups in two splits",
            "faces whose group is in more than one split",
            by_score.group_leaks,
            ("group_id", "split"),
            default=True,
            truth=False,
        ),
        Queue(
            "label_issue",
            "Label or crop issues",
            "a head that never saw the group doubts the label; most often a wrong crop",
            by_embedding.label_issues,
            ("embedding",),
        ),
        Queue(
            "knn_disagreement",
            "Neighbours disagree",
            "most nearest faces of other groups carry the other label",
            by_embedding.knn_disagreement,
            ("embedding",),
        ),
        Queue(
            "atypical",
            "Atypical",
            "farthest from all faces of other groups",
            by_embedding.atypical,
            ("embedding",),
            truth=False,
        ),
        Queue(
            "diverse",
            "Diverse hard set",
            "hard faces far from each other, with their pairs: to train on",
            by_embedding.diverse,
            ("embedding",),
        ),
        Queue(
            "fragile",
            "Flips under corruption",
            "the call changes after recompression, blur or resizing (run 'Probe robustness' first)",
            by_score.fragile,
            ("changes",),
            truth=False,
        ),
        Queue(
            "disagreement",
            "Detectors disagree",
            "two detectors call it differently",
            by_score.disagreement,
            ("other_p_fake",),
            truth=False,
        ),
        Queue(
            "near_duplicate",
            "Near-duplicates",
            "nearly the same picture in another group (untuned embedding)",
            by_embedding.near_duplicates,
            ("generic",),
            truth=False,
        ),
        Queue(
            "leak",
            "Leaks across splits",
            "nearly the same picture in another split (untuned embedding)",
            by_embedding.leaks,
            ("generic", "split"),
            truth=False,
        ),
    )
}
