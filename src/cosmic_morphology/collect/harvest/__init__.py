"""Reader, fetchers, writer."""
