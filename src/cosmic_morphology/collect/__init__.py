"""Records and pictures from archives and folders, into the atlas."""
