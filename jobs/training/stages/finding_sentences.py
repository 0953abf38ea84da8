"""Which of a report's sentences answer the prompt of which finding: what a full report is later asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from chex.metrics.label_reader import LabelReader, rule_based_label_reader
from chex.queries.drawing import draw_one
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
    annotations: Sequence[Annotations], vocabulary: Vocabulary, generator: torch.Generator
) -> FindingSentences | None:
    """The sentences that state or deny a CheXpert finding, by the rule-based label reader; None where none does."""
    reader = rule_based_label_reader()
    labels = vocabulary.labels_of(LABEL_SET)
    place = {label.partition("/")[2]: q for q, label in enumerate(labels)}
    answers = [
        (image, place[label], text)
        for image, annotation in enumerate(annotations)
        for label, text in _answers(annotation.sentences, reader).items()
    ]
    if not answers:
        return None
    terms = [vocabulary.finding_of(label) for label in labels]
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
