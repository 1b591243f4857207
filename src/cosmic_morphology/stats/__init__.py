"""Statistics shared by curate, learn, evaluate and studies."""
