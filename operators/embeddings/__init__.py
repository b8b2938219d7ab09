"""Reads and writes embeddings of a dataset, and maps them."""
