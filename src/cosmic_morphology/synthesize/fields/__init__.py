"""Diffuse fields."""
