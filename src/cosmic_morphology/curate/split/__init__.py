"""Split."""
