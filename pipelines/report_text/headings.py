"""Headings that belong to what is told below them: without "LEFT LUNG" or "NG TUBE" nobody knows what is meant."""

from __future__ import annotations

import re

# "LEFT LATERAL" and "RIGHT DECUBITUS" are views, and a neutral heading ("LINES AND TUBES") names no device.
NAMES_A_SUBJECT = (
    r"\b(?:(?:RIGHT|LEFT|RT|LT|BILATERAL)\b(?! LATERAL\b|[^:]*\b(?:DECUBITUS|OBLIQUE)\b)"
    r"|(?:CHEST|DOBB?HOFF|ENDOTRACHEAL|ENTERIC|ET|FEEDING|NASOGASTRIC|NG|OG|OROGASTRIC|PLEURAL) (?:CATHETER|TUBE)S?\b"
    r"|CENTRAL (?:VENOUS )?(?:CATHETER|LINE)S?\b"
    r"|(?:A?ICD|CVC|CVL|DOBB?HOFF|ECMO|ETT|IABP|IJ|IMPELLA|LVAD|NGT|OGT|PACEMAKER|PACER|PICC|PIGTAIL|PORT-?A-?CATH|STENT"
    r"|SUBCLAVIAN|SWAN[ -]GANZ|TRACHEOSTOMY)\b)"
)
_SUBJECT = re.compile(NAMES_A_SUBJECT)
_BULLET = " \t\n-*•"
_WORD = re.compile(r"[^\W_]")


def with_heading(header: str, text: str) -> str:
    """The text below a heading, after the heading if it names a subject of which something is told."""
    return f"{header}: {text.lstrip(_BULLET)}" if _SUBJECT.search(header) and _WORD.search(text) else text
