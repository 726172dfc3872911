"""The formats in which entries leave for other tools; none adds anything to what was logged."""
