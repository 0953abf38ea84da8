"""Which of a report's sentences answer the prompt of which finding: what a full report is later asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from chex.metrics.label_reader import LabelReader, rule_based_label_reader
from chex.queries.drawing import draw_one, draw_some
from chex.records import Annotations
from chex.vocabulary import Vocabulary

LABEL_SET = "chexpert"
NO_FINDING = "No Finding"
MOST_SENTENCES = 2  # of a report about one finding
MOST_UNMENTIONED = 2  # findings of one report that are denied though nobody speaks of them


@dataclass(frozen=True, slots=True)
class FindingSentences:
    """Prompts (Q) and, for each answered one, (image, prompt, text)."""

    prompts: tuple[str, ...]
    answers: tuple[tuple[int, int, str], ...]


def finding_sentences(
    annotations: Sequence[Annotations], vocabulary: Vocabulary, generator: torch.Generator, *, most: int = 32
) -> FindingSentences | None:
    """A draw of `most` sentences that state or deny a CheXpert finding, by the rule-based label reader; None for none.

    Reports deny few of the findings that are not there. So that silence is no reason to claim one, some of those
    that a report does not mention are answered by their negative prompt.
    """
    reader = rule_based_label_reader()
    labels = vocabulary.labels_of(LABEL_SET)
    place = {label.partition("/")[2]: q for q, label in enumerate(labels)}
    terms = [vocabulary.finding_of(label) for label in labels]
    answers: list[tuple[int, int, str]] = []
    for image, annotation in enumerate(annotations):
        said = _answers(annotation.sentences, reader)
        answers += [(image, place[label], text) for label, text in said.items()]
        silent = [label for label in place if label not in said and label != NO_FINDING] if said else []
        for label in draw_some(silent, MOST_UNMENTIONED, generator):
            denial = draw_one(terms[place[label]].negative, generator)
            answers.append((image, place[label], f"{denial[0].upper()}{denial[1:]}."))
    if not answers:
        return None
    answers = draw_some(answers, most, generator)
    prompts = tuple(draw_one((term.box_prompt, term.box_prompt, *term.synonyms), generator) for term in terms)
    return FindingSentences(prompts, tuple(answers))


def _answers(sentences: Sequence[str], reader: LabelReader) -> dict[str, str]:
    said: dict[str, list[str]] = {}
    for sentence in dict.fromkeys(sentences):
        for label in reader.read_sentence(sentence):
            said.setdefault(label, []).append(sentence)
    answers = {label: " ".join(texts[:MOST_SENTENCES]) for label, texts in said.items()}
    if reader.read_report(sentences).get(NO_FINDING) == 1:
        answers[NO_FINDING] = sentences[-1]  # the end of a report is its conclusion
    return answers
