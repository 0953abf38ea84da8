"""Checks of functions without a model."""
