"""Runs our queued operations, the oldest first, and ends when none is left.

Start it by ``python -m media_forensics.operators.jobs.queue_worker``. FiftyOne's own ``fiftyone
delegated launch`` takes the newest first and never ends. Each operation runs in a child process. So
if one crashes or runs out of memory, that is recorded and the next one still runs.
"""

from __future__ import annotations

import logging
import sys

from ...detector.text.terminal import log_to_terminal
from . import scheduled_jobs
from .job import hold_database

logger = logging.getLogger(__name__)

CHECK_SECONDS = 5


def main() -> int:
    """Work until the queue is empty; return the number of failed operations, at most 9."""
    from fiftyone.operators.delegated import DelegatedOperationService

    log_to_terminal("%(asctime)s %(name)s %(message)s")
    hold_database()
    service = DelegatedOperationService()
    failed = 0
    while waiting := scheduled_jobs.queued_operations():
        operation = waiting[0]
        logger.info("%s", operation.label)
        result = service.execute_operation(
            operation, log=True, monitor=True, check_interval_seconds=CHECK_SECONDS
        )
        failed += bool(result is None or result.error)
    return min(failed, 9)


if __name__ == "__main__":
    sys.exit(main())
