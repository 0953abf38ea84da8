"""The text of reports: sections, list items, sentences; the door is pipelines/reports.py."""
