"""Solid bodies."""
