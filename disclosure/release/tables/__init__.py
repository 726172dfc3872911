"""Tables over granted rows: recomputed by the desk, protected, held against all earlier ones."""
