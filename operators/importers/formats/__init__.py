"""Recognises and reads dataset layouts, one per file."""
