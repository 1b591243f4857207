"""The folder of a run: layout, JSON documents, and what it was trained on."""
