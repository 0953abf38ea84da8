"""What a query is about: the finding or region that it names, for models that know classes and no sentences."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal, NamedTuple

from chex.records import Query
from chex.vocabulary import load
from jobs.training.stages.phrases import stated_findings


class Subject(NamedTuple):
    """A finding by its id, or a region (single or grouped) by its name."""

    kind: Literal["finding", "region"]
    name: str


def subject_of(query: Query) -> Subject | None:
    """By the query's name, or else by its text; None for a box alone and for a text about nothing known."""
    return _spelled().get((query.name or "").lower()) or (subject_of_text(query.text) if query.text else None)


@cache
def subject_of_text(text: str) -> Subject | None:
    """A prompt of the vocabulary, or else what a sentence states: a finding, by the rule-based reader, or a region."""
    spelled = " ".join(text.lower().split()).rstrip(".")
    if spelled in _spelled():
        return _spelled()[spelled]
    return _finding_stated(text) or _region_named(spelled)


def subjects() -> list[Subject]:
    """Everything a query may be about, in the order of the vocabulary."""
    words = load()
    found = [Subject("finding", name) for name in words.findings]
    return found + [Subject("region", name) for name in (*words.regions, *words.grouped)]


def _finding_stated(text: str) -> Subject | None:
    stated = stated_findings(text, load())
    return Subject("finding", stated[0]) if stated else None


def _region_named(text: str) -> Subject | None:
    """The region with the longest name in the text."""
    found = [match for match in _region_names().finditer(text)]
    return _spelled()[max((match[0] for match in found), key=len)] if found else None


@cache
def _region_names() -> re.Pattern[str]:
    names = [name for name, subject in _spelled().items() if subject.kind == "region"]
    return re.compile(r"\b(" + "|".join(map(re.escape, sorted(names, key=len, reverse=True))) + r")\b")


@cache
def _spelled() -> dict[str, Subject]:
    """Lower-case ids, names and prompts; of equal ones the first term's."""
    words = load()
    found: dict[str, Subject] = {}
    for term in words.findings.values():
        for text in (term.id, term.box_prompt, term.display, *term.synonyms, *term.positive):
            found.setdefault(text.lower().rstrip("."), Subject("finding", term.id))
    for region in (*words.regions.values(), *words.grouped.values()):
        for text in (region.name, region.prompt, *region.synonyms):
            found.setdefault(text.lower().rstrip("."), Subject("region", region.name))
    return found
