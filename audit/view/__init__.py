"""The regulator's view of the log: search, timelines and alerts, read from entries alone."""
