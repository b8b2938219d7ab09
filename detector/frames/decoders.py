"""Names what can decode video files, and checks that it can do so here."""

from __future__ import annotations

from ..device import CUDA, found
from ..errors import ForensicsError

SOFTWARE = "software"
DECODERS = (SOFTWARE, CUDA)


def require_decoder(name: str) -> None:
    """Check that frames can be decoded here by ``name``.

    Raises:
        ForensicsError: it is unknown, or there is no CUDA device, or PyAV cannot use it
    """
    if name not in DECODERS:
        raise ForensicsError(
            f"There is no decoder {name!r}.", f"Known: {', '.join(DECODERS)}.", "decoder"
        )
    if name == SOFTWARE:
        return
    there = found()
    if not there.gpus:
        raise ForensicsError(
            f"Frames cannot be decoded on a CUDA device: {there.words()}.",
            f"Choose the decoder {SOFTWARE!r}.",
            "decoder",
        )
    from .pyav import decodes_on

    if not decodes_on(CUDA):
        raise ForensicsError(
            "The installed PyAV cannot decode on a CUDA device.",
            f"Choose the decoder {SOFTWARE!r}, or install PyAV's own wheel.",
            "decoder",
        )
