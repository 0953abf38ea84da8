"""Who decides whether a report entails a sentence: rules on labels, or any function that says yes or no."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from chex.metrics.label_reader import NAME, LabelReader, rule_based_label_reader

_SIDES = {
    "left": re.compile(r"\b(?:left|lt|bilateral\w*|both)\b"),
    "right": re.compile(r"\b(?:right|rt|bilateral\w*|both)\b"),
}


@dataclass(frozen=True, slots=True)
class Question:
    """Do the sentences of a report (`premises`), taken together, entail the hypothesis?"""

    premises: tuple[str, ...]
    hypothesis: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`evidence`: places of the premises that the entailment rests on; empty where there is none."""

    entailed: bool
    evidence: tuple[int, ...] = ()


class Judge(Protocol):
    name: str  # printed beside every figure made with it

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """One verdict per question; all are asked at once, so that a model can work in batches."""


class RuleBasedJudge:
    """Entailed is what states labels, all of which the premises state alike: present, absent or uncertain.

    Evidence is the premises that state one of them. Left and right must not contradict; degree and place beyond the side
    are not compared. A sentence that states no label is entailed by the same sentence only.
    """

    name = f"judge by the {NAME}"

    def __init__(self, reader: LabelReader) -> None:
        self._reader = reader

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        return [self._judge(question) for question in questions]

    def _judge(self, question: Question) -> Verdict:
        stated = self._reader.read_sentence(question.hypothesis)
        if not stated:
            same = [_plain(premise) == _plain(question.hypothesis) for premise in question.premises]
            return Verdict(any(same), tuple(place for place, equal in enumerate(same) if equal))
        evidence, open_labels = [], dict(stated)
        for place, premise in enumerate(question.premises):
            read = self._reader.read_sentence(premise)
            shared = [label for label, value in stated.items() if read.get(label) == value]
            if shared and not _contradict(premise, question.hypothesis):
                evidence.append(place)
                for label in shared:
                    open_labels.pop(label, None)
        return Verdict(False) if open_labels else Verdict(True, tuple(evidence))


class EntailmentJudge:
    """A judge made of a function that only says yes or no, a batch at a time.

    Evidence is the premises that entail the hypothesis by themselves, or all of them where it takes several together.
    """

    def __init__(self, entails: Callable[[Sequence[tuple[tuple[str, ...], str]]], Sequence[bool]], name: str) -> None:
        """entails: (premises, hypothesis) of every question → whether they are entailed, for example `NliModel`."""
        self.name = name
        self._entails = entails

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        asked = [place for place, question in enumerate(questions) if question.premises]
        answers = self._ask([(questions[place].premises, questions[place].hypothesis) for place in asked])
        entailed = [place for place, answer in zip(asked, answers, strict=True) if answer]
        alone = [(place, index) for place in entailed for index in range(len(questions[place].premises))]
        answers = self._ask([((questions[p].premises[index],), questions[p].hypothesis) for p, index in alone])
        evidence: dict[int, list[int]] = {place: [] for place in entailed}
        for (place, index), answer in zip(alone, answers, strict=True):
            if answer:
                evidence[place].append(index)
        everything = [range(len(question.premises)) for question in questions]
        return [
            Verdict(True, tuple(evidence[place] or everything[place])) if place in evidence else Verdict(False)
            for place in range(len(questions))
        ]

    def _ask(self, asked: Sequence[tuple[tuple[str, ...], str]]) -> Sequence[bool]:
        answers = self._entails(asked) if asked else []
        if len(answers) != len(asked):
            raise ValueError(f"{self.name} must answer every question; found {len(answers)} for {len(asked)}")
        return answers


@cache
def rule_based_judge() -> RuleBasedJudge:
    return RuleBasedJudge(rule_based_label_reader())


def _plain(sentence: str) -> str:
    return " ".join(re.findall(r"\w+", sentence.lower()))


def _contradict(first: str, second: str) -> bool:
    """Whether one speaks of the left side only and the other of the right side only."""
    sides = [{side for side, words in _SIDES.items() if words.search(sentence.lower())} for sentence in (first, second)]
    return all(sides) and not sides[0] & sides[1]
