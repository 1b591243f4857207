"""Who gets in, and who may write."""
