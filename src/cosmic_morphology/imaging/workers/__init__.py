"""Decoding in worker processes, which may crash."""
