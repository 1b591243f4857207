"""Column work on a Ray cluster."""
