"""The official dialect, legacy and new API: everything that knows Kling's own paths, words and texts."""
