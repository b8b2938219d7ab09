"""Makes text from data safe for cells, Markdown and terminals."""
