"""Matters (办件): what somebody must decide in time, with a case number, a clock and a handler."""
