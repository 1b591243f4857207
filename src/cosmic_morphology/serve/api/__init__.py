"""The interface for machines, version 1."""
