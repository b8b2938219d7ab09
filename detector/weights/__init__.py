"""Identifies weight files by hash and fetches them with the user's consent."""
