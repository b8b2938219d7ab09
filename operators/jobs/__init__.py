"""Runs long work outside the App's process, and lists, stops and repeats it."""
