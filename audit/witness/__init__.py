"""The regulator's witness: its own keys and memory; it knows the platform by a log key alone."""
