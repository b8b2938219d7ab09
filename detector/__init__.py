"""Pictures to faces, crops, scores and numbers. Knows neither FiftyOne nor training runs."""
