"""Verification (核验): a claim about one unit, with consent, answered yes, no or unknown."""
