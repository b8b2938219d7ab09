"""Turns a manifest into batches: sampling, reading, blending, worker processes."""
