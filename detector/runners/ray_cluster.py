"""A Ray to work on: a local one for the time of a block, or an existing cluster.

Ray is optional. Nothing here or in :mod:`ray_runner` is imported unless somebody asks for it.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import ForensicsError
from ..files import packages
from .child_process import search_path

log = logging.getLogger(__name__)
_OLDEST = (2, 59)  # the first that asks whoever connects for a token; it listens to the network


def require_ray() -> Any:
    """The module ``ray``, with ``ray.data``.

    Raises:
        ForensicsError: not installed or too old, with the command that installs it
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    if "ray" not in sys.modules:
        # Ray reads this once, when it is imported, and does not show its token to a cluster that
        # is given by its address unless it is set
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    ray = packages.load(packages.RAY, "ray", "runner")
    packages.load(packages.RAY, "ray.data", "runner")
    if tuple(int(part) for part in ray.__version__.split(".")[:2]) < _OLDEST:
        raise ForensicsError(
            f"Ray {ray.__version__} is too old: it lets anyone in who reaches this machine.",
            "Run: pip install --upgrade 'ray[data]>=2.59'",
            "runner",
        )
    return ray


@contextmanager
def on_ray(
    address: str | None = None, cpus: int | None = None, memory: int | None = None
) -> Iterator[Any]:
    """``ray``, connected; what was connected before stays so.

    Args:
        address: of an existing cluster (``auto``, ``host:port``, ``ray://host:port``); None starts
            Ray on this machine and stops it at the end; whoever connects needs its token
            (``~/.ray/auth_token``, ``RAY_AUTH_TOKEN``), unless ``RAY_AUTH_MODE`` is ``disabled``
        cpus: of a local Ray; None: all
        memory: bytes of the object store of a local Ray; None: Ray's own choice

    Raises:
        ForensicsError: Ray is not installed, or there is no cluster at ``address``
    """
    ray = require_ray()
    if ray.is_initialized():
        yield ray
        return
    options: dict[str, Any] = {"log_to_driver": True, "logging_level": logging.WARNING}
    options["runtime_env"] = {"env_vars": {"PYTHONPATH": search_path()}}
    if address:
        _require_listener(address)
        options["address"] = address
    else:
        # "local", or the variable RAY_ADDRESS would decide
        options |= {"address": "local", "num_cpus": cpus, "include_dashboard": False}
        if memory is not None:
            options["object_store_memory"] = memory
    try:
        ray.init(**options)
    except ray.exceptions.AuthenticationError as error:
        raise ForensicsError(
            f"This machine has no token for the Ray cluster at {address}.",
            "Copy the cluster's ~/.ray/auth_token here, or set RAY_AUTH_TOKEN; only a cluster that "
            "asks for none is reached with RAY_AUTH_MODE=disabled.",
            "ray_address",
        ) from error
    except (ConnectionError, ValueError, RuntimeError) as error:
        where = f"at {address}" if address else "on this machine"
        raise ForensicsError(
            f"Ray cannot be reached {where}: {error}",
            "Start it with 'ray start --head' and give its address, or leave the address empty. "
            "This machine needs the cluster's token in ~/.ray/auth_token, and RAY_AUTH_MODE=token "
            "where something else has imported Ray before.",
            "ray_address",
        ) from error
    try:
        _quiet(ray)
        yield ray
    finally:
        ray.shutdown()


def _require_listener(address: str) -> None:
    """Ray itself tries an address where nobody listens for a quarter of an hour.

    Raises:
        ForensicsError: nobody listens at ``host:port`` or ``ray://host:port``
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host:  # "auto", "local"
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, ValueError, OverflowError) as error:
        raise ForensicsError(
            f"No Ray cluster answers at {address}: {error}",
            "Start it with 'ray start --head' and give host:port, or leave the address empty.",
            "ray_address",
        ) from error


def _quiet(ray: Any) -> None:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
