"""Maximum permitted revenue (最高准许收入): its arithmetic, its decisions and its yearly review."""
