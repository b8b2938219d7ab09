"""Reads and writes files safely: allowed roots, locks, atomic writes, hashes, tensors."""
