"""Report sentences that state one finding: what a radiologist's phrase is about, for prompts that are worded like one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chex.metrics.assertion import ABSENT
from chex.metrics.label_reader import rule_based_label_reader
from chex.queries.hinted import Phrase
from chex.records import Annotations
from chex.vocabulary import Vocabulary
from chex.vocabulary.located import SIDES, lies_in_a_lung
from jobs.training.stages.finding_sentences import LABEL_SET

_WIDER = "Lung Opacity"  # what sentences call what they then name
_WORD = re.compile(r"[a-z]+")


def stated_phrases(annotations: Sequence[Annotations], vocabulary: Vocabulary) -> list[Phrase]:
    """The sentences of the reports that state a single finding, surely or not, by the label reader."""
    found = (_phrase(sentence, vocabulary) for annotation in annotations for sentence in annotation.sentences)
    return [phrase for phrase in found if phrase]


def _phrase(sentence: str, vocabulary: Vocabulary) -> Phrase | None:
    findings = stated_findings(sentence, vocabulary)
    if len(findings) != 1:
        return None
    (finding,), words = findings, _WORD.findall(sentence.lower())
    sides = [side for side in SIDES if side in words]
    one = len(sides) == 1 and lies_in_a_lung(vocabulary.findings[finding])
    return Phrase(sentence, finding, sides[0] if one else None)


def stated_findings(text: str, vocabulary: Vocabulary) -> list[str]:
    """The findings that a text states, surely or not; an opacity that is called something else as well is that."""
    stated = [label for label, value in rule_based_label_reader().read_sentence(text).items() if value != ABSENT]
    named = [label for label in stated if label != _WIDER] or stated
    return [vocabulary.finding_of(f"{LABEL_SET}/{label}").id for label in named]
