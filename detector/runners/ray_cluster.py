"""Connects to Ray: a local one for the duration of a block, or an existing cluster.

Ray is optional. This module and :mod:`ray_runner` are only imported on request.
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
_OLDEST = (2, 59)  # the first that requires a token from clients; Ray listens on the network


def require_ray() -> Any:
    """Return the module ``ray``, with ``ray.data`` loaded.

    Raises:
        ForensicsError: not installed or too old; the hint is the command that installs it
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no usage reports to Ray's makers
    if "ray" not in sys.modules:
        # Ray reads this once, at import. Unless it is set, Ray does not send its token to a
        # cluster given by address.
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
    """Yield ``ray``, connected; an existing connection is kept.

    Args:
        address: of an existing cluster (``auto``, ``host:port``, ``ray://host:port``); None starts
            Ray on this machine and stops it at the end. Clients need the cluster's token
            (``~/.ray/auth_token``, ``RAY_AUTH_TOKEN``), unless ``RAY_AUTH_MODE`` is ``disabled``
        cpus: CPUs of a local Ray; None: all
        memory: bytes of the object store of a local Ray; None: Ray's default

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
        # With "local" the variable RAY_ADDRESS is ignored.
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
    """Check that something listens at ``address``; Ray itself would try for 15 minutes.

    Raises:
        ForensicsError: nothing listens at ``host:port`` or ``ray://host:port``
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
