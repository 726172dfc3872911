"""Decides whether a question is one that may be asked at all, before any data is near it."""
