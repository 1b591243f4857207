"""Labels and checks."""
