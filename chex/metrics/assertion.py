"""Whether a report states something as present, absent or uncertain: clauses, cues, and how far a cue reaches.

The cues themselves are data (`label_phrases.json`); the rules here are English syntax, approximately.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

PRESENT, ABSENT, UNCERTAIN = 1, 0, -1

# When two cues match at the same place, the kind that stands first here wins: long idioms before the words in them.
_CUE_KINDS = (
    "pseudo",
    "unassessed_after",
    "unassessed_before",
    "uncertain_after",
    "negation_after",
    "uncertain_before",
    "versus",
    "link",
    "negation_before",
    "stop",
)
_AFTER = {"unassessed_after": None, "uncertain_after": UNCERTAIN, "negation_after": ABSENT}


def any_of(phrases: Sequence[str]) -> str:
    """One regular expression for several, matched between word boundaries."""
    return r"(?<![\w])(?:" + "|".join(phrases) + r")(?![\w])"


class AssertionRules:
    """Splits sentences into clauses and reads the cues in them."""

    def __init__(self, phrases: Mapping) -> None:
        kinds = [f"(?P<{kind}>{any_of(phrases['cues'][kind])})" for kind in _CUE_KINDS]
        assertive = any_of(phrases["assertive"])
        kinds.append(rf"(?P<new_statement>(?:,\s*(?:and\s+|with\s+)?|\b(?:and|with)\s+)(?={assertive}))")
        self.cues = re.compile("|".join(kinds))
        self.contrasts = re.compile(r"(?<=[.;!?])\s+|;|" + any_of(phrases["contrasts"]))
        self.joints = re.compile(r"(,\s*(?:and\s+)?|\s+and\s+)")
        self.verb = re.compile(any_of(phrases["finite_verbs"]))
        self.closing_verb = re.compile(any_of(phrases["closing_verbs"]))
        self.negation = re.compile(any_of(phrases["cues"]["negation_before"]))

    def clauses(self, text: str) -> list[str]:
        """Parts of a lower-case text that make their own statement, so that no cue reaches beyond its part."""
        return [clause for part in self.contrasts.split(text) for clause in self._statements(part) if clause.strip()]

    def _statements(self, part: str) -> list[str]:
        pieces = self.joints.split(part)  # text, joint, text, joint, text …
        statements = [pieces[0]]
        for joint, piece in zip(pieces[1::2], pieces[2::2], strict=True):
            before = statements[-1]
            if self._starts_statement(before, piece):
                statements.append(piece)
            else:
                statements[-1] = before + joint + piece
        return statements

    def _starts_statement(self, before: str, piece: str) -> bool:
        if not self.verb.search(piece):
            return False
        if self.verb.search(before):
            return True
        # "no effusion or pneumothorax is seen" closes a list, "no effusion and the heart is large" does not
        return bool(self.negation.search(before)) and not self.closing_verb.search(piece)

    def read(self, clause: str) -> Clause:
        return Clause(clause, [(m.start(), m.end(), m.lastgroup) for m in self.cues.finditer(clause)])


class Clause:
    """One clause with its cues; asked for the status of what stands at a place in it."""

    def __init__(self, text: str, cues: list[tuple[int, int, str]]) -> None:
        self.text = text
        self.cues = cues
        self.last_or = max(text.rfind(" or "), text.rfind(" nor "))

    def status(self, start: int, end: int) -> int | None:
        """PRESENT, ABSENT, UNCERTAIN, or None where the report says that it cannot be judged."""
        before = self._status_from_before(start)
        if before == ABSENT or before is None:
            return before
        for cue_start, _, kind in self.cues:
            if cue_start < end:
                continue
            if kind in ("stop", "new_statement"):
                break
            if kind in _AFTER:
                return _AFTER[kind]
            if kind == "versus" and not self.text[end:cue_start].strip():
                return UNCERTAIN
        return before

    def _status_from_before(self, start: int) -> int | None:
        status: int | None = PRESENT
        reach = 0  # where the cue that holds ends
        for cue_start, cue_end, kind in self.cues:
            if cue_end > start:
                break
            if kind == "negation_before" or (kind == "negation_after" and self._is_adjective(cue_end, start)):
                status, reach = ABSENT, cue_end
            elif kind == "unassessed_before":
                status = None
            elif kind == "uncertain_before":
                governed = status == ABSENT and "," not in self.text[reach:cue_start] and cue_start - reach < 12
                if not governed:  # "no possible …" stays a negation, "no effusion, possible pneumonia" does not
                    status, reach = UNCERTAIN, cue_end
            elif kind in ("uncertain_after", "versus", "link") and status == PRESENT:
                status, reach = UNCERTAIN, cue_end
            elif kind == "stop" or (kind == "new_statement" and self.last_or < cue_start):
                status = PRESENT
        return status

    def _is_adjective(self, cue_end: int, start: int) -> bool:
        """Whether a cue that usually follows stands right before what it negates ("now resolved pneumonia")."""
        return not self.text[cue_end:start].strip()
