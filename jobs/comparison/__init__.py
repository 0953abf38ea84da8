"""Experiments side by side: each is trained and measured for several seeds, and their figures become one table."""
