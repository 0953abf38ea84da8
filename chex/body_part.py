"""Which radiographs are the model's business, by what their header says of the body part."""

from __future__ import annotations

import unicodedata

# DICOM's defined terms are CHEST, CHESTABDOMEN, …; sites also write THORAX, "CHEST PA", CXR and words of their language
CHEST_TERMS = ("CHEST", "THORA", "TORAX", "TORAC", "LUNG", "CXR", "PULM", "POUMON", "BRUST", "PECHO")
# bones that are named after the chest: the thoracic spine, and in German the sternum
BONE_TERMS = ("SPINE", "WIRBEL", "RACHIS", "COLONNA", "COLUMNA", "COLUNA", "BRUSTBEIN")


def off_topic(body_part: str | None) -> str | None:
    """Why an image with this BodyPartExamined gets no report; None where it may get one, or where nothing is said."""
    if not body_part or not body_part.strip():
        return None
    name = _without_accents(body_part.upper())
    if any(term in name for term in CHEST_TERMS) and not any(term in name for term in BONE_TERMS):
        return None
    return f"BodyPartExamined is {body_part.strip().upper()}, not CHEST"


def _without_accents(name: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
