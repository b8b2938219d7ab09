"""Writes the videos of a dataset to a file for extraction on machines without a database.

    media-forensics list-videos --dataset ffpp videos.jsonl
    media-forensics list-videos --folder /data/FaceForensics++ videos.jsonl

or ``python -m media_forensics.operators.video_list``.

The second form reads the dataset's folder as ``import_dataset`` does, and needs no FiftyOne. Its
video ids are the same as those of an import of that folder.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from ...detector.errors import ForensicsError
from ...detector.files.outputs import claim_output, writing_output
from ...detector.records import VideoRecord
from ...detector.runners.command_line import OneSentenceParser, carry_out
from ...detector.runners.video_list import FILES, write_video_list

log = logging.getLogger("video_list")


def records_of_folder(
    root: str, format: str = "auto", pattern: str | None = None
) -> list[VideoRecord]:
    """Return the videos below a dataset's root folder.

    Args:
        root, format: as in ``import_dataset``
        pattern: pattern of the format ``tree``, for example ``{label}/{method}/{video}.mp4``

    Raises:
        ForensicsError: see :func:`operators.importers.plan.plan_import`
    """
    from ..importers.contract import ImportOptions
    from ..importers.plan import plan_import

    options = ImportOptions.from_params({"pattern": pattern} if pattern else {})
    return list(plan_import(root, format, options).records)


def records_of_dataset(name: str, view: str | None = None) -> list[VideoRecord]:
    """Return the videos of a FiftyOne dataset, or of one of its saved views.

    Raises:
        ForensicsError: there is no such dataset or view, or it holds no videos of ours
    """
    import fiftyone as fo

    from ..dataset import views

    if not fo.dataset_exists(name):
        raise ForensicsError(f"There is no dataset {name!r}.", f"There are: {fo.list_datasets()}.")
    dataset = fo.load_dataset(name)
    if view is not None and not dataset.has_saved_view(view):
        raise ForensicsError(
            f"{name!r} has no saved view {view!r}.", f"There are: {dataset.list_saved_views()}."
        )
    return views.video_records(dataset.load_saved_view(view) if view else dataset)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--dataset", help="name of a FiftyOne dataset of videos")
    source.add_argument("--folder", help="root folder of a dataset")
    parser.add_argument("--view", help="saved view of the dataset")
    parser.add_argument("--format", default="auto", help="importer for the folder")
    parser.add_argument("--pattern", help="for --format tree")
    parser.add_argument("output", help="file to write, .jsonl")


def execute(options: argparse.Namespace) -> int:
    """Write the list; return the exit status."""
    claim_output(options.output, FILES, "output")
    if options.folder:
        records = records_of_folder(options.folder, options.format, options.pattern)
    else:
        records = records_of_dataset(options.dataset, options.view)
    with writing_output(options.output, FILES, "output") as temporary:
        count = write_video_list(temporary, records)
    log.info("%s: %d videos", options.output, count)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status: 0, or 2 for a mistake in the arguments."""
    parser = OneSentenceParser(prog="video_list", description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    return carry_out(execute, parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
