"""Does the atlas add up: files, rows, and what to do about it."""
