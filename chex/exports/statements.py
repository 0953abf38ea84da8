"""Whether a finding states that something is there, so that a picture shows only the boxes it speaks for."""

from __future__ import annotations

import re

from chex.records import Finding

_BE = r"(?:is|are|was|were|appears?|remains?|looks?)"
_NORMAL = (
    r"(?:in |of )?(?:normal|clear|unremarkable|intact|sharp|patent|midline|within normal limits|free of|negative for|without|"
    r"(?:well|normally|fully|sharply) (?:aerated|expanded|inflated|defined|outlined))"
)
# what did not change may well be there, and a hedge ("cannot be excluded") states a possibility
_CHANGE = (
    r"(?:(?:significant|interval|relevant|definite|appreciable|substantial) )*"
    r"(?:change|increase|decrease|improvement|resolution)"
)
_HEDGED = (
    r"(?:(?:yet|be|been|entirely|completely|fully|significantly|substantially) )*"
    r"(?:excluded|ruled out|changed|improved|increased|decreased|resolved|cleared|only)"
)
_THERE = r"(?:(?:there|is|are|was|were|has|have|been) )*"
_WHOLLY = (
    r"(?:(?!(?:part|partial|near|large|most|incomplete|substantial|significant)ly)"
    r"(?:\w+ly|since|now|interval|complete|full) )*"
)
# a list of parts of the body and of how they should be, with no verb: "lungs clear", "clear lungs and normal heart size"
_LISTED = (
    rf"(?:{_NORMAL}|(?:right|left|both|the|and|size|contours?|silhouettes?|fields?|bases|spaces|surfaces|structures|angles"
    r"|lungs?|heart|cardiac|cardiomediastinal|mediastin\w+|hil(?:a|ar|um)|pulmonary|vasculature|pleural?|costophrenic"
    r"|aorta|trachea|bones|osseous|bony|(?:hemi)?diaphragms?|grossly|essentially|otherwise|bilaterally)\b)"
)
_DENIAL = re.compile(
    rf"^{_THERE}(?:no|neither|without|not|absence of|negative for|free of)\b(?! (?:{_CHANGE}|longer {_NORMAL}\b))"
    r"|^(?:normal|unremarkable)\b"
    rf"|\b(?:{_BE}|do|does|has|have) (?:not|no longer)\b(?! (?:{_HEDGED}|{_NORMAL})\b)"
    rf"|\b{_BE} (?:(?:\w+ly|otherwise|again|both|(?:stable|unchanged) and) )*{_NORMAL}\b"
    r"|\b(?:is|are|was|were) absent\b"
    rf"|\b(?:has|have) {_WHOLLY}resolved\b|^{_THERE}{_WHOLLY}resolution of\b"
    rf"|\b{_BE} (?:(?:\w+ly|very) )*unlikely\b(?! to\b)"
    rf"|^(?=.*\b{_NORMAL}\b)(?:{_LISTED}(?:,? |$))+(?:$|(?<=without )|(?<=free of )|(?<=negative for )|no\b)"
)
_ENDS = re.compile(r"[.;!?]+(?:\s|$)|,?\s+\b(?:but|however|although|while|whereas)\b\s+")
_JOINTS = re.compile(r",? and (?=(?:there|the|no|a|an)\b)")
_VERB = re.compile(r"\b(?:is|are|was|were|has|have|appears?|remains?|there|seen|noted)\b")


def states_presence(finding: Finding) -> bool:
    """True where the finding's sentence says that something is there, certainly or possibly.

    Sentences that only deny ("No pleural effusion.") or find normal ("The lungs are clear.") say no such thing. A
    finding without words is judged by the probability of what was asked (above 0.5), and counts where there is none.
    """
    if finding.sentence and finding.sentence.strip():
        return any(not _DENIAL.search(statement) for statement in _statements(finding.sentence))
    return not finding.probabilities or finding.probabilities[0][1] > 0.5


def shows_boxes(finding: Finding) -> bool:
    """True where the finding states something, and where a box was asked about: that one is shown in any case."""
    return states_presence(finding) or finding.query.box is not None


def _statements(text: str) -> list[str]:
    """The parts of a text that make a statement of their own, in lower case."""
    found: list[str] = []
    for part in filter(None, (piece.strip() for piece in _ENDS.split(" ".join(text.lower().split())))):
        pieces = _JOINTS.split(part)
        own = [pieces[0]]
        for piece in pieces[1:]:
            # "no effusion and no pneumothorax are seen" is one statement, "the heart is large and the lungs are clear" two
            if _VERB.search(own[-1]) and _VERB.search(piece):
                own.append(piece)
            else:
                own[-1] += f" and {piece}"
        found += own
    return found
