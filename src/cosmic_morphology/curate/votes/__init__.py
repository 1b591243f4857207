"""Public names of votes."""
