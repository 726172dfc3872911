"""Where work runs: isolated notebook sessions and the rules of their proxy."""
