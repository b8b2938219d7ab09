"""Recognises and reads dataset layouts, one a file."""
