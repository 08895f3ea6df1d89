"""Looking at many clips at once: players on one clock, two clips over each other, tables of clips."""
