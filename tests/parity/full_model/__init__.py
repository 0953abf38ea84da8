"""Checks of the whole model, with the set's checkpoint converted to ours."""
