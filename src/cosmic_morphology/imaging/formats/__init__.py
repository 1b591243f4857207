"""Containers and formats of images: walked, guarded, and decoded where Pillow loses counts."""
