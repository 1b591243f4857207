"""From a folder of images to a report: what is decided, what is run, what was found."""
