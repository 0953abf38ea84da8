"""Checks of metrics.json."""
