"""Defines the operator ``contact_sheet``: one picture per video that shows its extraction."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files.outputs import jpeg, marked_jpeg, write_output
from ...detector.files.paths import given, given_or_none, inside
from ...detector.records import CropRecipe
from ..app.form import Form
from ..app.open_dataset import require_dataset
from ..dataset import fields, marked_views, partners, views
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import Workflow

if TYPE_CHECKING:
    from ...detector.records import VideoRecord

SHOWN = 4  # sheets that the App shows; the others are files


@with_paths("output_dir")
def run(samples: Any, *, limit: int = 12, output_dir: str | None = None) -> dict[str, Any]:
    """Draw the tried frames with boxes, crops and reasons of each video behind ``samples``.

    Args:
        samples: a video dataset, a faces dataset, or a view of either
        limit: most videos to draw, in the order of ``samples``
        output_dir: folder of the sheets; None: beside the crops

    Returns:
        ``{"sheets": [{"video_id", "path", "reason", "usable", "tried", "shown"}], "left_out"}``;
        ``path`` is None for a video that was not extracted; ``shown`` is the number of drawn
        frames, fewer than ``tried`` for a long video

    Raises:
        ForensicsError: empty view, nothing was extracted from these videos, the crops are outside
            the allowed folders, or a sheet cannot be written
    """
    from ...detector.crops.contact_sheet import contact_sheet, shown_frames
    from ...detector.crops.encoding import encode_image
    from ...detector.crops.store import CropStore, path_parts
    from ...detector.files.atomic import write_bytes

    if limit < 1:
        raise ForensicsError(f"limit is {limit}.", "Draw 1 video or more.", field="limit")
    chosen = given_or_none(output_dir, "output_dir")
    records, about = _records(samples)
    store = CropStore(given(about["crops"]), CropRecipe.from_json(about["recipe"]))
    folder = chosen or store.folder / "sheets"
    sheets = []
    for record in records[:limit]:
        result = store.known(record.video_id)
        row: dict[str, Any] = {"video_id": record.video_id, "path": None, "reason": "not extracted"}
        if result is not None:
            image = contact_sheet(record, result, store.folder)
            *parents, last = path_parts(record.video_id)
            path = inside(folder, "/".join((*parents, f"{last}+.jpg")), "sheet")
            data = marked_jpeg(encode_image(image, "jpeg"))
            if chosen is None:
                write_bytes(path, data)  # a folder inside the crop store
            else:
                write_output(path, (jpeg(),), "output_dir", data)
            usable = sum(frame.usable for frame in result.frames)
            row |= {"path": str(path), "reason": result.reason}
            row |= {"usable": usable, "tried": len(result.frames)}
            row["shown"] = len(shown_frames(result))
        sheets.append(row)
    return {"sheets": sheets, "left_out": max(len(records) - limit, 0)}


def _records(samples: Any) -> tuple[list[VideoRecord], dict[str, Any]]:
    """Return the videos behind ``samples`` in their order, and the description of their crops."""
    view = views.flat(samples)
    views.require_samples(view, "videos or faces")
    videos = dataset = views.dataset_of(view)
    own = fields.here(dataset, "video_id")
    views.require_fields(view, [own], "Import deepfake dataset")
    about = fields.describe(dataset)
    if about.get(partners.VIDEOS):
        videos = views.videos_of(dataset)
        if videos is None:
            raise ForensicsError(
                f"The videos of {dataset.name!r} cannot be shown: "
                f"{partners.why_lost(dataset, partners.VIDEOS)}.",
                "Import them again, or open the original; then the frames can be shown.",
            )
    if not (about.get("crops") and about.get("recipe")):
        raise ForensicsError(
            f"No faces were extracted from {dataset.name!r}.", "Run 'Extract faces' first."
        )
    wanted = list(dict.fromkeys(filter(None, view.values(own))))
    name = fields.here(videos, "video_id")
    by_id = {
        record.video_id: record
        for part in marked_views.slices(wanted)
        for record in views.video_records(views.match_in(videos, name, part))
    }
    return [by_id[video_id] for video_id in wanted if video_id in by_id], about


def _data_url(path: str) -> str:
    """Return the picture at ``path`` as a data URL."""
    return "data:image/jpeg;base64," + base64.b64encode(Path(path).read_bytes()).decode()


class ContactSheet(Workflow):
    """Operator that draws frames with boxes, crops and reasons of a video."""

    label = "Show contact sheet"
    description = (
        "Every tried frame of a video with its boxes, its crop or the reason why there is none"
    )
    icon = "grid_view"
    risk = types.RiskLevel.MEDIUM
    run_name = "Contact sheets of {dataset}"
    answer = "Contact sheet"
    options: ClassVar = {"allow_delegated_execution": False}

    def __call__(self, samples: Any, **params: Any) -> dict[str, Any]:
        """Run from Python; the arguments and the result are those of :func:`run`."""
        return self.call(samples, params)

    def target(self, ctx: Any) -> Any:
        """Return the opened sample, else the target view."""
        dataset = require_dataset(ctx)
        view = dataset.select(ctx.current_sample) if ctx.current_sample else views.target(ctx)
        _records(view.limit(1))
        return view

    def fill(self, form: Form, target: Any) -> None:
        text = f"Drawn at most; the App shows the first {SHOWN}, all are written as files"
        form.whole("limit", "Videos", text, least=1, default=SHOWN)
        form.check(lambda: _limit(form.params))

    def arguments(self, ctx: Any) -> dict[str, Any]:
        return {"limit": _limit(ctx.params)}

    def shown(self, ctx: Any, result: Any) -> None:
        """Do nothing; the dataset has not changed."""

    def result(self, ctx: Any, found: dict[str, Any]) -> dict[str, Any]:
        drawn = [row for row in found["sheets"] if row["path"]][:SHOWN]
        return found | {f"sheet{n}": _data_url(row["path"]) for n, row in enumerate(drawn)}

    def show(self, outputs: types.Object, found: dict[str, Any]) -> None:
        drawn = [row for row in found["sheets"] if row["path"]]
        for number, row in enumerate(drawn[:SHOWN]):
            label = f"{row['video_id']}: "
            label += f"{row['usable']} of {row['tried']} frames usable" if row["tried"] else ""
            label += f" ({row['shown']} shown)" if row["shown"] < row["tried"] else ""
            label += (", " if row["tried"] else "") + row["reason"] if row["reason"] else ""
            outputs.str(f"sheet{number}", label=label, view=types.ImageView(width="100%"))
        if not drawn:
            outputs.view("none", types.Notice(label="These videos were not extracted yet"))
        elif len(drawn) > SHOWN:
            outputs.view("more", types.Notice(label=f"Others: {Path(drawn[-1]['path']).parent}"))


def _limit(form: dict[str, Any]) -> int:
    limit = form.get("limit", SHOWN)
    if not isinstance(limit, int) or limit < 1:
        raise ForensicsError(f"{limit!r} videos.", "Give a whole number from 1.", field="limit")
    return limit
