"""The rule-based label reader: report sentences → the 14 CheXpert labels, without any model.

It follows the idea of the CheXpert labeler (Irvin et al. 2019: mentions, then negation and uncertainty, then
aggregation) with phrases and rules of its own; it is not CheXbert, and figures made with it say so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import resources

from chex.metrics.assertion import ABSENT, PRESENT, UNCERTAIN, AssertionRules, Clause, any_of

NAME = "rule-based label reader"
_NO_FINDING, _DEVICES = "No Finding", "Support Devices"
_STRENGTH = {ABSENT: 0, UNCERTAIN: 1, PRESENT: 2}
_STATES = ("normal", "abnormal", "uncertain")  # beside "neutral": said of the structure, and tells nothing
_BETWEEN_STATE_AND_STRUCTURE = re.compile(r"\s+(?:in\s+)?(?:(?:size|appearance|contour) of\s+)?(?:the\s+)?$")


class LabelReader:
    """Reads sentences; the same sentence is read once (up to 65,536 are remembered)."""

    name = NAME

    def __init__(self, phrases: Mapping) -> None:
        """phrases: the content of `label_phrases.json`."""
        self._rules = AssertionRules(phrases)
        self._mention = _Alternatives(phrases["signs_of_uncertain"] + phrases["mentions"])
        self._doubtful = len(phrases["signs_of_uncertain"])
        self._structure = _Alternatives(phrases["structures"])
        self._states = [_states(entry, phrases) for entry in phrases["structures"]]
        self._normal_report = re.compile(any_of(phrases["whole_report_normal"]))
        self._read = lru_cache(maxsize=2**16)(self._read_sentence)

    def read_sentence(self, sentence: str) -> dict[str, int]:
        """Label → 1 present, 0 absent, −1 uncertain; what is not mentioned is left out, and so is "No Finding"."""
        return dict(self._read(sentence))

    def read_report(self, sentences: Iterable[str]) -> dict[str, int]:
        """The labels of a whole report: present before uncertain before absent.

        "No Finding" is 1 if none of the 12 findings is present or uncertain (support devices do not count) and the
        report does say something: rules one of them out, names a device, or calls the whole chest normal. A text that
        states nothing readable gets no label at all.
        """
        if isinstance(sentences, str):
            raise TypeError("a list of sentences expected, found one string")
        labels: dict[str, int] = {}
        said_normal = False
        for sentence in sentences:
            said_normal = said_normal or bool(self._normal_report.search(sentence.lower()))
            for label, value in self._read(sentence).items():
                _keep_stronger(labels, label, value)
        if (labels or said_normal) and all(value == ABSENT for label, value in labels.items() if label != _DEVICES):
            labels[_NO_FINDING] = PRESENT
        return labels

    def read_reports(self, reports: Iterable[Iterable[str]]) -> list[dict[str, int]]:
        """`read_report` of each."""
        return [self.read_report(sentences) for sentences in reports]

    def _read_sentence(self, sentence: str) -> dict[str, int]:
        labels: dict[str, int] = {}
        for part in self._rules.clauses(" ".join(sentence.lower().split())):
            clause = self._rules.read(part)
            taken = self._read_mentions(clause, labels)
            self._read_structures(clause, taken, labels)
        return labels

    def _read_mentions(self, clause: Clause, labels: dict[str, int]) -> list[tuple[int, int]]:
        taken = []
        for index, start, end in self._mention.find(clause.text):
            taken.append((start, end))
            value = clause.status(start, end)
            if value == PRESENT and index < self._doubtful:
                value = UNCERTAIN
            for label in self._mention.labels[index] if value is not None else ():
                _keep_stronger(labels, label, value)
        return taken

    def _read_structures(self, clause: Clause, taken: list[tuple[int, int]], labels: dict[str, int]) -> None:
        for index, start, end in self._structure.find(clause.text):
            if any(start < taken_end and end > taken_start for taken_start, taken_end in taken):
                continue
            value = self._state(clause, index, start, end)
            for label in self._structure.labels[index] if value is not None else ():
                _keep_stronger(labels, label, value)

    def _state(self, clause: Clause, index: int, start: int, end: int) -> int | None:
        """What the clause says of a structure: the state right before it, else the next, else the last before."""
        found = list(self._states[index].finditer(clause.text))
        before = [match for match in found if match.end() <= start]
        telling = [match for match in found if match.lastgroup != "neutral"]
        after = [match for match in telling if match.start() >= end]
        if before and _BETWEEN_STATE_AND_STRUCTURE.fullmatch(clause.text[before[-1].end() : start]):
            match = before[-1]
        elif after:
            match = after[0]
        elif telling:
            match = telling[-1]
        else:
            return None
        if match.lastgroup == "neutral":
            return None
        status = clause.status(match.start(), match.end())
        if match.lastgroup == "normal":
            return None if status is None else ABSENT
        return UNCERTAIN if status == PRESENT and match.lastgroup == "uncertain" else status


class _Alternatives:
    """Many phrases as one expression that says which entry matched."""

    def __init__(self, entries: list[Mapping]) -> None:
        self.labels = [tuple(entry["labels"]) for entry in entries]
        groups = [f"(?P<e{index}>{any_of(entry['phrases'])})" for index, entry in enumerate(entries)]
        self._pattern = re.compile("|".join(groups))

    def find(self, text: str) -> list[tuple[int, int, int]]:
        """(entry, start, end) of every match, from left to right."""
        return [(int(match.lastgroup[1:]), match.start(), match.end()) for match in self._pattern.finditer(text)]


def _states(entry: Mapping, phrases: Mapping) -> re.Pattern:
    groups = [f"(?P<neutral>{any_of(phrases['neutral'])})"]
    for state in _STATES:
        words = [each for phrase in entry[state] for each in (phrases["normal"] if phrase == "@normal" else [phrase])]
        if words:
            groups.append(f"(?P<{state}>{any_of(words)})")
    return re.compile("|".join(groups))


def _keep_stronger(labels: dict[str, int], label: str, value: int) -> None:
    if label not in labels or _STRENGTH[value] > _STRENGTH[labels[label]]:
        labels[label] = value


@cache
def rule_based_label_reader() -> LabelReader:
    """The reader with the project's own phrases."""
    text = resources.files(__package__).joinpath("label_phrases.json").read_text(encoding="utf-8")
    return LabelReader(json.loads(text))
