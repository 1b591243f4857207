"""One module for each place that records come from."""
