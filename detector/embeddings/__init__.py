"""Stores face embeddings in shards and computes their geometry on the sphere."""
