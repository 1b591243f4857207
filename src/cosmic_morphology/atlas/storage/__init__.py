"""What stands on disk or in an object store: tables, commits, checksums, markers."""
