"""Starts, follows, compares and registers training runs."""
