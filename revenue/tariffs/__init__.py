"""Tariffs: what a unit of a meter may cost, which version holds when, and what an outcome costs."""
