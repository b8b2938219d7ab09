"""Holds what every section gets: the device, the sizes, the folder of the material."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from .sizes import SMALL, WHOLE, Sizes

WEIGHTS = "open_clip_model.safetensors"  # as open_clip names it


@dataclass(frozen=True)
class Bench:
    """The settings of one run.

    Attributes:
        folder: folder of the material (:mod:`.material`); sections may write below it
        device: ``cuda``, ``cuda:N`` or ``cpu``
        small: tiny shapes, for a CPU
    """

    folder: Path
    device: torch.device
    small: bool

    @property
    def sizes(self) -> Sizes:
        """The sizes of what is measured."""
        return SMALL if self.small else WHOLE

    @cached_property
    def half(self) -> torch.dtype:
        """The half precision of the baselines: bf16 if the card has it, else fp16."""
        if self.device.type == "cuda":
            with torch.cuda.device(self.device):
                if not torch.cuda.is_bf16_supported(including_emulation=False):
                    return torch.float16
        return torch.bfloat16

    @property
    def half_name(self) -> str:
        """``bf16`` or ``fp16``."""
        return "bf16" if self.half == torch.bfloat16 else "fp16"

    @property
    def tower(self) -> str:
        """Name of the tower for :func:`load_backbone` and a training config."""
        return f"local-dir:{self.folder / 'tower'}"

    @property
    def crops(self) -> list[str]:
        """The crop files."""
        return [str(path) for path in sorted((self.folder / "crops").glob("*.png"))]

    @property
    def clips(self) -> list[Path]:
        """The clips, smallest first."""
        return sorted((self.folder / "clips").glob("*.mp4"), key=lambda path: int(path.stem[:-1]))

    def detector(self, device: str | None = None) -> Any:
        """Return the detector of the material, loaded from its folder as a user's is."""
        from media_forensics.detector.checkpoints import load_detector

        return load_detector(self.folder / "detector", device=device or str(self.device))

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the tower's weights by open_clip's names, float32 on the CPU."""
        from safetensors.torch import load_file

        found = load_file(self.folder / "tower" / WEIGHTS)
        return {name.removeprefix("visual."): tensor for name, tensor in found.items()}
