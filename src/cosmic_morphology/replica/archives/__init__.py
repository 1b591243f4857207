"""One module for each archive."""
