"""Exhaustive."""
