"""Where a session really runs: one interface, and the embedded backend that uses bubblewrap."""
