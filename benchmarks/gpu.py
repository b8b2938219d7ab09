#!/usr/bin/env python3
"""What one GPU and its cores do with this project, each figure beside a baseline of the same run.

Prints the ceilings of the machine, then tower, scoring, extraction, training and correctness, each
as a ratio to a named baseline, the goals beside what was measured, and a Markdown table for
docs/speed.md. Random weights of ViT-L/14 and clips made from one photograph: nothing is fetched but
the face detector, where it is not here yet. Takes less than six minutes.

    python benchmarks/gpu.py                          # everything, on the first GPU
    python benchmarks/gpu.py --sections tower,scoring # some of it
    python benchmarks/gpu.py --small                  # the same code on a CPU with tiny shapes

The exit status is 0 where everything was measured or there is no GPU to measure, also where a goal
is missed (they are stated for one H100 or H200 with 16 cores); 1 where a part failed or was cut
off; 2 for a mistake in the arguments.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "_mount"))

from on_gpu.command import main

if __name__ == "__main__":
    sys.exit(main(__doc__))
