"""The main job, played once for real against a running service, as its users would play it."""
