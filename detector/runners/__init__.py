"""Runs extraction and scoring over many videos: one process, a pool, shards or Ray."""
