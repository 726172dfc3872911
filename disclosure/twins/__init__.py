"""Synthetic twins: what debug sessions ask in place of data, made from public metadata alone."""
