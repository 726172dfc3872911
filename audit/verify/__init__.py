"""Offline verification: what a regulator runs against files alone, with a key from outside.

This package imports the standard library and one Ed25519 check, and nothing else of ours: it is a
second, independent reading of the same formats. ``python -m audit.verify`` is its command.
"""
