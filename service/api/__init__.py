"""The HTTP API under ``/api/v1``: one router per noun; each signature shows who may call it."""
