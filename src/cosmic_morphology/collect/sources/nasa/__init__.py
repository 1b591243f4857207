"""Nasa."""
