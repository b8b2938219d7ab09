"""Imports a dataset into FiftyOne."""
