"""Training strategies."""
