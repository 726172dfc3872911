"""What happened: the log, its proofs, signed checkpoints, and offline verification."""
