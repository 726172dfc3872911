"""Cases of the regulator: evidence put on hold, private text read for a reason, and exported."""
