"""What a file says of itself: container, codecs, times, tags, provenance. Never a score."""
