"""The regulator's view of the log: search, timelines, columns and packs, from entries alone."""
