"""Checks of the single parts: `components.json`."""
