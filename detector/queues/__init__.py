"""Ranks the faces that a person should review next."""
