"""The folder of a run: layout, JSON documents, training record; and lists of all runs."""
