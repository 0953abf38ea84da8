"""Which of a report's sentences answer the prompt of which finding: what a full report is later asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from chex.metrics.assertion import ABSENT, PRESENT
from chex.metrics.label_reader import LabelReader, rule_based_label_reader
from chex.queries.drawing import draw_one, draw_weighted
from chex.records import Annotations
from chex.vocabulary import FindingTerm, Vocabulary

LABEL_SET = "chexpert"
NO_FINDING = "No Finding"
MOST_SENTENCES = 2  # of a report about one finding


@dataclass(frozen=True, slots=True)
class FindingSentences:
    """images (b) with a readable report, findings and prompts (Q), values (b, Q) of what the report says of each:
    1 stated, 0 denied or not spoken of, −1 uncertain; and a draw of answers (row of `images`, prompt, text).
    """

    images: Tensor
    findings: tuple[str, ...]
    prompts: tuple[str, ...]
    values: Tensor
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
    terms = [vocabulary.finding_of(label) for label in labels]
    names = [label.partition("/")[2] for label in labels]
    read = [_answers(annotation.sentences, reader) for annotation in annotations]
    images = [image for image, said in enumerate(read) if said]
    if not images:
        return None
    values = torch.zeros(len(images), len(names), dtype=torch.long)
    answers: list[tuple[int, int, str]] = []
    for row, said in enumerate(read[image] for image in images):
        for q, name in enumerate(names):
            text, values[row, q] = said.get(name) or (_denial(terms[q], generator), ABSENT)
            if name != NO_FINDING or name in said:
                answers.append((row, q, text))
    odds = [stated_odds if values[row, q] == PRESENT and names[q] != NO_FINDING else 1.0 for row, q, _ in answers]
    return FindingSentences(
        images=torch.tensor(images),
        findings=tuple(term.id for term in terms),
        prompts=tuple(draw_one((term.box_prompt, term.box_prompt, *term.synonyms), generator) for term in terms),
        values=values,
        answers=tuple(draw_weighted(answers, odds, most, generator)),
    )


def _answers(sentences: Sequence[str], reader: LabelReader) -> dict[str, tuple[str, int]]:
    """Label → what the report says about it, and whether that states the finding."""
    said: dict[str, list[str]] = {}
    values = reader.read_report(sentences)
    for sentence in dict.fromkeys(sentences):
        for label in reader.read_sentence(sentence):
            said.setdefault(label, []).append(sentence)
    answers = {label: (" ".join(texts[:MOST_SENTENCES]), values[label]) for label, texts in said.items()}
    if values.get(NO_FINDING) == PRESENT:
        answers[NO_FINDING] = (sentences[-1], PRESENT)  # the end of a report is its conclusion
    return answers


def _denial(term: FindingTerm, generator: torch.Generator) -> str:
    text = draw_one(term.negative, generator)
    return f"{text[0].upper()}{text[1:]}."
