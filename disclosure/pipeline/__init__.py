"""The one way from a question to an answer; ``asking`` reads like the list of its steps."""
