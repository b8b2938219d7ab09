#!/usr/bin/env python3
"""Measures one GPU and its cores on this project, each figure beside a baseline of the same run.

It prints the ceilings of the machine, then tower, scoring, waits, extraction, training and
correctness. Each figure is a ratio to a named baseline. It also prints the goals beside the
measured values, and a Markdown table for docs/speed.md. The material is random weights of ViT-L/14,
and clips made from one photograph. Only the face detector is fetched, if it is not here yet. It
takes less than six minutes.

    python benchmarks/gpu.py                          # everything, on the first GPU
    python benchmarks/gpu.py --sections tower,scoring # some sections
    python benchmarks/gpu.py --sections engines       # compiled towers and CUDA graphs: only so
    python benchmarks/gpu.py --record                 # write the numbers that tests compare with
    python benchmarks/gpu.py --small                  # the same code on a CPU with tiny shapes

The exit status is 0 if everything was measured, or if there is no GPU to measure, even if a goal is
missed (goals are for one H100 or H200 with 16 cores); 1 if a part failed or was cut off; 2 for
wrong arguments.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "_mount"))

from on_gpu.command import main

if __name__ == "__main__":
    sys.exit(main(__doc__))
