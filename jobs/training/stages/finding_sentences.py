"""Which of a report's sentences answer the prompt of which finding: what a full report is later asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from chex.metrics.assertion import PRESENT
from chex.metrics.label_reader import LabelReader, rule_based_label_reader
from chex.queries.drawing import draw_one, draw_weighted
from chex.records import Annotations
from chex.vocabulary import Vocabulary

LABEL_SET = "chexpert"
NO_FINDING = "No Finding"
MOST_SENTENCES = 2  # of a report about one finding


@dataclass(frozen=True, slots=True)
class FindingSentences:
    """Prompts (Q) and, for each answered one, (image, prompt, text)."""

    prompts: tuple[str, ...]
    answers: tuple[tuple[int, int, str], ...]


def finding_sentences(
    annotations: Sequence[Annotations],
    vocabulary: Vocabulary,
    generator: torch.Generator,
    *,
    most: int = 32,
    stated_odds: float = 1.0,
) -> FindingSentences | None:
    """A draw of `most` sentences that state or deny a CheXpert finding, by the rule-based label reader; None for none.

    stated_odds: how many times as likely as another a sentence is drawn that states a finding. A generator trained at
    odds k states what it holds for likelier than 1 in k + 1; the best F1 wants the threshold at half that F1
    (Lipton et al. 2014), below the even odds of natural proportions.

    Reports deny few of the findings that are not there, and a later report is asked for all of them: a finding that
    nobody speaks of is answered by its negative prompt. Otherwise what is only named when seen would always be claimed.
    """
    reader = rule_based_label_reader()
    labels = vocabulary.labels_of(LABEL_SET)
    place = {label.partition("/")[2]: q for q, label in enumerate(labels)}
    terms = [vocabulary.finding_of(label) for label in labels]
    answers: list[tuple[int, int, str]] = []
    odds: list[float] = []
    for image, annotation in enumerate(annotations):
        said = _answers(annotation.sentences, reader)
        for label, (text, stated) in said.items():
            answers.append((image, place[label], text))
            odds.append(stated_odds if stated else 1.0)
        silent = [label for label in place if label not in said and label != NO_FINDING] if said else []
        for label in silent:
            denial = draw_one(terms[place[label]].negative, generator)
            answers.append((image, place[label], f"{denial[0].upper()}{denial[1:]}."))
            odds.append(1.0)
    if not answers:
        return None
    answers = draw_weighted(answers, odds, most, generator)
    prompts = tuple(draw_one((term.box_prompt, term.box_prompt, *term.synonyms), generator) for term in terms)
    return FindingSentences(prompts, tuple(answers))


def _answers(sentences: Sequence[str], reader: LabelReader) -> dict[str, tuple[str, bool]]:
    """Label → what the report says about it, and whether that states the finding."""
    said: dict[str, list[str]] = {}
    stated = {label for label, value in reader.read_report(sentences).items() if value == PRESENT}
    for sentence in dict.fromkeys(sentences):
        for label in reader.read_sentence(sentence):
            said.setdefault(label, []).append(sentence)
    answers = {label: (" ".join(texts[:MOST_SENTENCES]), label in stated) for label, texts in said.items()}
    if NO_FINDING in stated:
        answers[NO_FINDING] = (sentences[-1], False)  # the end of a report is its conclusion
    return answers
