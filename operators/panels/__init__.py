"""Draws the panels of the App, one folder each."""
