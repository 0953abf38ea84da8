"""Named prompt sets for reports: the default one, the regions alone, and the findings of each label set."""

from __future__ import annotations

from chex.inference.report import PromptSet, default_prompts
from chex.records import Query
from chex.vocabulary import Vocabulary


def prompt_sets(vocabulary: Vocabulary) -> dict[str, PromptSet]:
    """By name, the default one first; a finding that several labels of a set mean is asked once."""
    regions = [region for region in vocabulary.regions.values() if region.in_report]
    sets = [
        default_prompts(vocabulary),
        PromptSet("anatomy", tuple(Query(text=region.prompt, name=region.name) for region in regions)),
    ]
    for label_set in vocabulary.label_sets:
        findings = {term.id: term for term in map(vocabulary.finding_of, vocabulary.labels_of(label_set))}
        queries = tuple(Query(text=term.box_prompt, name=term.id) for term in findings.values())
        sets.append(PromptSet(label_set, queries))
    return {prompts.name: prompts for prompts in sets}
