"""The official legacy dialect: everything that knows Kling's own paths, words and texts."""
