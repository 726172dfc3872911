"""Figures of the platform: what is counted, by which rule, and what the log says of a month.

Counts of entries, resources, calls, questions and matters only: no figure reads a data row (I14).
"""
