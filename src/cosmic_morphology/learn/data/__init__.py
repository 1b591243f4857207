"""Inputs of training."""
