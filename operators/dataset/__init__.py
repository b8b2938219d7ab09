"""Reads and writes our fields, views and records of a FiftyOne dataset."""
