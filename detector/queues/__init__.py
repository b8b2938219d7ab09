"""Ranks the faces that a person should look at next."""
