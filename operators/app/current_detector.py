"""Stores which detector a dataset's screens show: grid, audit, sphere, timeline, report, forms.

It is the detector that was scored last, until somebody chooses another in any panel. One entry of
the faces dataset's description names it.
"""

from __future__ import annotations

from collections.abc import Sequence

import fiftyone as fo

from ..dataset import appearance, fields, views

NAME = appearance.CURRENT


def current(faces: fo.Dataset, keys: Sequence[str] = ()) -> str:
    """Return the key of a faces dataset's current detector, "" if none has scored it.

    Args:
        faces: the faces dataset
        keys: possible keys, oldest first; by default all detectors that have scored it
    """
    keys = keys or fields.detector_keys(faces)
    chosen = fields.describe(faces).get(NAME)
    return str(chosen) if chosen in keys else keys[-1] if keys else ""


def choose(faces: fo.Dataset, key: str) -> list[str] | None:
    """Make ``key`` the detector that every screen follows, on the faces and on their videos.

    Returns:
        what the tiles of the faces show from now on; None if nothing has changed, or if a person
        has arranged the tiles otherwise
    """
    if fields.describe(faces).get(NAME) == key:
        return None
    shown = None
    for dataset in (faces, views.videos_of(faces)):
        if dataset is None:
            continue
        fields.set_description(dataset, **{NAME: key})
        paths = appearance.dress(dataset)
        shown = paths if dataset is faces else shown
    return shown
