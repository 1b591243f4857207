"""Metadata texts."""
