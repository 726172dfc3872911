"""Detectors: what columns hold by their look and check digits, and what that suggests."""
