"""Lets one run at a time do the same work on a dataset, by a lease in the shared database.

Two runs that write the same fields would overwrite each other's results. A run therefore holds a
lease while it works, and renews it. The lease of a killed process is taken over: at once on the
same machine, after :data:`SILENCE_SECONDS` from another one. All times are the database server's,
so that different clocks do not matter. Jumps of the server's clock do not matter either: before a
lease of another machine is taken over, it is watched for two renewals by a monotonic clock, and on
the same machine only the process counts.
"""

from __future__ import annotations

import functools
import logging
import random
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import fiftyone as fo

from ...detector.errors import ForensicsError
from ...detector.runners.process_identity import ProcessIdentity

logger = logging.getLogger(__name__)

COLLECTION = "media_forensics.leases"
SILENCE_SECONDS = 90
RENEW_SECONDS = 15
WATCH_SECONDS = 2 * RENEW_SECONDS + 5
_Result = TypeVar("_Result")
_own = threading.local()


def _leases() -> Any:
    import fiftyone.core.odm as foo

    return foo.get_db_conn()[COLLECTION]


class Busy(ForensicsError):
    """The error if another run holds the lease."""


@contextmanager
def held(dataset: fo.Dataset | str, work: str, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lease of ``work`` on ``dataset`` while the block runs.

    Args:
        dataset: the dataset to write, identified by its id, because it may be renamed; or the name
            of one that is being created
        work: the work, in words for the user: ``extract faces``, ``score with probe``
        wait_seconds: seconds to wait for another run that holds it

    Raises:
        Busy: another run holds it; the message says which process, where and since when
    """
    token = uuid.uuid4().hex
    owner = {"token": token, **ProcessIdentity.of().record()}
    about, shown = _known_as(dataset)
    name = f"{about}: {work}"
    _wait_and_take(name, owner, shown, work, wait_seconds)
    _tokens().add(token)
    stop = threading.Event()
    renewing = threading.Thread(target=_renew, args=(name, token, stop), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        stop.set()
        renewing.join()
        _tokens().discard(token)
        _leases().delete_one({"_id": name, "token": token})


def _known_as(dataset: fo.Dataset | str) -> tuple[str, str]:
    """Return the name of a dataset in leases, and its name for the user."""
    if isinstance(dataset, str):
        return dataset, dataset
    name = getattr(dataset, "_MF_name", None) or dataset._doc.name
    return f"dataset {dataset._doc.id}", name


def require_none_other(dataset: fo.Dataset | str, work: str) -> None:
    """Raise :class:`Busy` if another run holds a lease on ``dataset`` that starts with ``work``.

    Leases of the calling thread do not count.
    """
    about, shown = _known_as(dataset)
    begin = re.escape(f"{about}: {work}")
    for found in _heard_of({"_id": {"$regex": f"^{begin}"}}):
        if found["token"] not in _tokens() and not _is_gone(found):
            raise Busy(
                "Another run is already working on this: "
                f"{found['_id'].removeprefix(f'{about}: ')}, on "
                f"{shown!r} (process {found['pid']} on {found['host']}).",
                "Wait for it or stop it.",
            )


def _heard_of(query: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the leases that ``query`` finds, with the seconds since each was last renewed."""
    silence = {"$dateDiff": {"startDate": "$seen", "endDate": "$$NOW", "unit": "second"}}
    return list(_leases().aggregate([{"$match": query}, {"$set": {"silence": silence}}]))


def _tokens() -> set[str]:
    """Return the tokens of this thread's leases."""
    return _own.__dict__.setdefault("tokens", set())


def _wait_and_take(
    name: str, owner: dict[str, Any], shown: str, work: str, wait_seconds: float
) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return _take(name, owner, shown, work)
        except Busy:
            if time.monotonic() >= deadline:
                raise
        time.sleep(random.uniform(0.01, 0.05))  # random, so that waiting processes differ


def _take(name: str, owner: dict[str, Any], shown: str, work: str) -> None:
    from pymongo.errors import DuplicateKeyError

    leases = _leases()
    for _ in range(3):  # others may take or return it between two of our steps
        try:
            # An upsert without a match inserts; one that would match another run's lease fails.
            leases.update_one(
                {"_id": name, "token": owner["token"]},
                [{"$set": {**owner, "since": "$$NOW", "seen": "$$NOW"}}],
                upsert=True,
            )
            return
        except DuplicateKeyError:
            found = next(iter(_heard_of({"_id": name})), None)
        if found is None:
            continue
        if not _is_gone(found):
            raise Busy(
                f"Another run is already working on this: {work}, on {shown!r} (process "
                f"{found['pid']} on "
                f"{found['host']}, since {found['since']:%H:%M} UTC, last heard of "
                f"{found['silence']} s ago).",
                "Wait for it or stop it. If its machine was shut down, try again "
                f"{SILENCE_SECONDS} s after its last sign of life.",
            )
        logger.warning("taking over %r of process %s on %s", name, found["pid"], found["host"])
        leases.delete_one({"_id": name, "token": found["token"]})
    raise Busy(f"Several runs tried to {work} on {shown!r} at the same moment.", "Try again.")


def _is_gone(lease: dict[str, Any]) -> bool:
    """Return whether the holder of ``lease`` is known to be dead, or silent for too long."""
    holder = ProcessIdentity.from_record(lease)
    if holder.is_of_this_machine:
        return holder.is_known_dead
    # The last renewal is in the future if the server's clock was set back.
    return not 0 <= lease["silence"] <= SILENCE_SECONDS and not _is_renewed(lease)


def _is_renewed(lease: dict[str, Any]) -> bool:
    """Return whether the holder renews ``lease`` while we watch, or has returned it."""
    logger.warning("watching for %s s whether %r is renewed", WATCH_SECONDS, lease["_id"])
    deadline = time.monotonic() + WATCH_SECONDS
    while time.monotonic() < deadline:
        now = _leases().find_one({"_id": lease["_id"]})
        if now is None or any(now.get(k) != lease.get(k) for k in ("token", "seen", "beats")):
            return True
        time.sleep(min(0.5, WATCH_SECONDS / 4))
    return False


def _renew(name: str, token: str, stop: threading.Event) -> None:
    from pymongo.errors import PyMongoError

    while not stop.wait(RENEW_SECONDS):
        try:
            mine = {"_id": name, "token": token}
            beat = {"seen": "$$NOW", "beats": {"$add": [{"$ifNull": ["$beats", 0]}, 1]}}
            if not _leases().update_one(mine, [{"$set": beat}]).matched_count:
                logger.warning("the lease %r was taken over by another run", name)
                return
        except PyMongoError as error:  # no database; the work itself will notice
            logger.warning("the lease %r could not be renewed: %s", name, error)


def exclusively(
    what: Callable[..., tuple[fo.Dataset | str, str] | None],
) -> Callable[[Callable[..., _Result]], Callable[..., _Result]]:
    """Return a decorator that holds the lease ``what(*arguments)`` (dataset, work) during a call.

    ``what`` takes the arguments of the function; None means that nothing is written.
    """

    def decorate(function: Callable[..., _Result]) -> Callable[..., _Result]:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> _Result:
            lease = what(*args, **kwargs)
            if lease is None:
                return function(*args, **kwargs)
            with held(*lease):
                return function(*args, **kwargs)

        return wrapped

    return decorate
