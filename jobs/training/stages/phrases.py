"""Report sentences that state one finding: what a radiologist's phrase is about, for prompts that are worded like one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

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
    finding = _finding(_stated(sentence), vocabulary)
    if finding is None:
        return None
    sides = [side for side in SIDES if side in _WORD.findall(sentence.lower())]
    one = len(sides) == 1 and lies_in_a_lung(vocabulary.findings[finding])
    return Phrase(sentence, finding, sides[0] if one else None)


def _finding(stated: Sequence[str], vocabulary: Vocabulary) -> str | None:
    """The one finding; an opacity that is called something else as well is that."""
    named = [label for label in stated if label != _WIDER] or stated
    return vocabulary.finding_of(f"{LABEL_SET}/{named[0]}").id if len(named) == 1 else None


@lru_cache(maxsize=2**16)
def _stated(sentence: str) -> tuple[str, ...]:
    read = rule_based_label_reader().read_sentence(sentence)
    return tuple(label for label, value in read.items() if value != ABSENT)
