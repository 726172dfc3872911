"""The release desk: the one door by which a result leaves, after checks and two people's votes."""
