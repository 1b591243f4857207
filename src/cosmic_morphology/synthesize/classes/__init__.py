"""Class name to painter."""
