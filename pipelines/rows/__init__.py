"""Stored rows on their way to batches: which, in which order, and read; the door is pipelines/batches.py."""
