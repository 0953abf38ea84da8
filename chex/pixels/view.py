"""From where a DICOM radiograph was taken: View Position, else the view's code."""

from __future__ import annotations

from chex.pixels.header import items, text

# The codes of CID 4010 by what View Position would say: SNOMED CT, the older SNOMED RT and codes that were
# withdrawn. What is missing here is told by its meaning.
CODES = {
    "PA": ("272479007", "R-40888", "R-10214"),
    "AP": ("399348003", "R-10206"),
    "FRONTAL": ("399033003", "R-10202"),
    "LL": ("399173006", "R-10236"),
    "RL": ("399198007", "R-10232"),
    "LATERAL": (
        *("399067008", "R-102CD", "30730003", "G-A145", "R-10222"),  # plain and sagittal
        *("399260004", "R-10224", "399352003", "R-10228"),  # medial-lateral and lateral-medial
    ),
    "LAO": ("399135007", "R-10220"),
    "RAO": ("399356000", "R-40985", "R-10218"),
    "LPO": ("399006002", "R-10212"),
    "RPO": ("399038007", "R-10210"),
    "CC": ("399162004", "R-10242"),
    "OBLIQUE": (
        *("399182000", "R-102C1", "399184004", "R-10238", "399236003", "R-10234"),  # plain, left and right
        *("399312000", "R-10208", "399059000", "R-10216", "399160007", "R-10204"),  # AP, PA and frontal
        *("260427002", "R-40783", "260426006", "R-40782"),  # lateral and medial
        *("399132005", "R-10252"),  # frontal and axial
        *("399368009", "R-10226", "399099002", "R-10230"),  # medio-lateral and latero-medial
    ),
}
_VIEWS = {code: view for view, codes in CODES.items() for code in codes}


def view_of(dataset) -> str | None:
    """View Position as the file spells it, in upper case, or that of the first View Code; None without both.

    Digital radiographs need not have the former, but must have the latter.
    """
    position = text(dataset, "ViewPosition")
    if position is not None:
        return position
    for item in items(dataset, "ViewCodeSequence")[:1]:
        return _VIEWS.get(text(item, "CodeValue") or "") or text(item, "CodeMeaning")
    return None
