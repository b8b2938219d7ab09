"""Knows weight files by hash and fetches them when the user agrees."""
