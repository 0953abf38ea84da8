"""Reports: sections, what is left of them after cleaning, sentences one by one, and which studies are left out."""

from __future__ import annotations

from typing import Any

from pipelines.adapters.mimic_cxr_reports import irregular_reports
from pipelines.report_text.sections import CONTENT_KINDS, kind_of
from pipelines.report_text.sentences import clean_sentence, distinct_sentences
from pipelines.reports import parse
from tests.parity.cases import Case
from tests.parity.comparison import Compared, NotCompared
from tests.parity.pyfuncs.recorded_sections import Part, folded, our_kind, our_parts, recorded_parts
from tests.parity.pyfuncs.recorded_text import cleaned_by_us, comparable, with_lost_spaces, without_stamps
from tests.parity.registry import Found, check

OTHER_KINDS = {  # header -> why its kind is another one here
    "pfi": "a provisional reading is no history",
    "ndication": "it is a misspelled indication, not an impression",
}


@check("reports")
def reports(case: Case) -> Found:
    found: dict = {"extra.note": NotCompared("a remark"), "extra.cases": NotCompared("compared one by one below")}
    for i, recorded in enumerate(case.extra["cases"]):
        quantities = _report(recorded)
        if recorded.keys() - {"text"} != quantities.keys():
            raise ValueError(f"report {i}: expected {', '.join(quantities)}; recorded are {', '.join(recorded)}")
        found |= {f"{i}.{quantity}": value for quantity, value in quantities.items()}
    return found


def _report(recorded: dict[str, Any]) -> Found:
    ours, theirs = our_parts(recorded["text"]), recorded_parts(recorded)
    relevant = _relevant(ours)
    cleaned = [
        comparable(cleaned_by_us(without_stamps(text)), recorded["text"]) for text in recorded["cleaned_sections"]
    ]
    return {
        "section_names": ([part.kind for part in ours], [part.kind for part in theirs]),
        "sections": ([part.text for part in ours], [part.text for part in theirs]),
        "section_idx": ([part.start for part in ours], [part.start for part in theirs]),
        "sections_by_name": (_last_of_each_kind(ours), _by_kind(recorded, theirs)),
        "relevant_sections": (sorted(relevant), sorted(map(folded, recorded["relevant_sections"]))),
        "cleaned_sections": (
            sorted(comparable(cleaned_by_us(text), recorded["text"]) for text in relevant),
            sorted(cleaned),
        ),
        "has_relevant": (bool(set(parse(recorded["text"]).sections) & set(CONTENT_KINDS)), recorded["has_relevant"]),
    }


def _relevant(parts: list[Part]) -> list[str]:
    """Findings and impression; of several of a kind the last, although a report of ours has all of them."""
    return [text for kind, text in _last_of_each_kind(parts).items() if kind in CONTENT_KINDS]


def _last_of_each_kind(parts: list[Part]) -> dict[str, str]:
    return {part.kind: part.text for part in parts}


def _by_kind(recorded: dict[str, Any], theirs: list[Part]) -> dict[str, str]:
    """The recorded dictionary, with the sections that our rules join in place of those that they join."""
    kept = _last_of_each_kind(theirs)
    found = {our_kind(name): folded(text) for name, text in recorded["sections_by_name"].items()}
    return {kind: kept[kind] if kind == "preamble" else text for kind, text in found.items() if kind in kept}


@check("sentences")
def sentences(case: Case) -> Found:
    """Ours is one function, `clean_sentence`; it stands against each of theirs in turn."""
    texts = case.extra["input"]
    ours = [comparable(clean_sentence(text), text) for text in texts]
    found: dict = {
        "extra.input": NotCompared("what is cleaned"),
        "extra.remove_wet_read": Compared(
            texts, case.extra["remove_wet_read"], note="theirs removes nothing (note 17)"
        ),
    }
    for quantity in ("clean_sentence", "process_sentence", "clean_section_text"):
        recorded = zip(case.extra[quantity], texts, strict=True)
        found[f"extra.{quantity}"] = (ours, [comparable(_repaired(text), source) for text, source in recorded])
    every = "\n".join(texts)
    found["extra.SentenceProcessor_min2"] = (
        [comparable(text, every) for text in distinct_sentences(texts)],
        [comparable(_repaired(text), every) for text in case.extra["SentenceProcessor_min2"]],
    )
    return found


def _repaired(recorded: str) -> str:
    return clean_sentence(with_lost_spaces(without_stamps(recorded)))


@check("normalize_section_names")
def normalize_section_names(case: Case) -> Found:
    found: dict = {
        "extra.input": NotCompared("what is named"),
        "extra.output": NotCompared("compared one by one below"),
    }
    for i, (name, recorded) in enumerate(zip(case.extra["input"], case.extra["output"], strict=True)):
        reason = OTHER_KINDS.get(folded(name).lower())
        found[f"{i}.{name}"] = NotCompared(reason) if reason else (kind_of(name), our_kind(recorded))
    return found


@check("excluded_studies")
def excluded_studies(case: Case) -> Found:
    return {"extra.value": (sorted(f"s{study}" for study in irregular_reports()), sorted(case.extra["value"]))}
