"""What exists: catalogue entries, data sets, immutable versions, populations."""
