"""Which radiographs are the model's business, by what their header says of the body part."""

from __future__ import annotations

# DICOM's defined terms are CHEST, CHESTABDOMEN, …; sites also write THORAX, "CHEST PA", TORAX
CHEST_TERMS = ("CHEST", "THORA", "TORAX", "LUNG")


def off_topic(body_part: str | None) -> str | None:
    """Why an image with this BodyPartExamined gets no report; None where it may get one, or where nothing is said."""
    if not body_part or not body_part.strip():
        return None
    if any(term in body_part.upper() for term in CHEST_TERMS):
        return None
    return f"BodyPartExamined is {body_part.strip().upper()}, not CHEST"
