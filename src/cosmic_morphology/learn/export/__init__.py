"""What leaves the project."""
