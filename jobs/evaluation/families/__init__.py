"""What several evaluation tasks have in common: each task is one of these with a data set of its own."""
