"""Work that the server does beside its pages."""
