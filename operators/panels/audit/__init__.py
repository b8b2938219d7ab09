"""Draws the panel "Error audit"."""
