"""Statistical disclosure checks of the release desk: each passes, or fails and says why."""
