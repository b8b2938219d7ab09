"""Holds the parts of ``benchmarks/gpu.py``, one concept per module."""
