"""The rules themselves, as versioned files, with their typed schema and only reader."""
