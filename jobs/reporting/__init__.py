"""Reports for a whole archive: list inputs, read, detect, write sentences, keep results."""
