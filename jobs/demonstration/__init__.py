"""What the demo shows and how it adds up its figures."""
