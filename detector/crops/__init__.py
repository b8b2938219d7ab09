"""Aligns faces, cuts crops by a recipe and stores them."""
