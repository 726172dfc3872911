"""Paying out (拨付): settlement files to the bank, and the bank's answers back in."""
