"""The findings and impressions of 400 real reports (Indiana University, Open-i): what becomes of their text."""

from __future__ import annotations

import re

import pytest

from pipelines.report_text.open_i_report import read_report
from pipelines.report_text.sentences import clean_sentence, every_sentence, split_sentences

HEADER = re.compile(r"\b(?:FINDINGS?|IMPRESSIONS?|INDICATIONS?|COMPARISONS?|TECHNIQUE)\b|^[A-Z ]{3,}:|^\w+ ?: *$")
DECIMAL = re.compile(r"\d*\.\d+")
NUMBER_OF_A_LIST = re.compile(r"(?:^|\s)\d{1,2}[.)](?=\s|[A-Z])")


@pytest.fixture(scope="module")
def texts(shared):
    reports = [read_report(file.read_bytes()) for file in sorted((shared / "data" / "real" / "openi").glob("*.xml"))]
    assert len(reports) == 400
    found = [
        report.sections[name] for report in reports for name in ("FINDINGS", "IMPRESSION") if name in report.sections
    ]
    assert len(found) > 700
    return found


def words_of(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()


def test_sentences_are_sentences(texts):
    sentences = [sentence for text in texts for sentence in split_sentences(text)]
    assert len(sentences) > 2200
    for sentence in sentences:
        assert len(sentence.split()) >= 2 and sentence == " ".join(sentence.split())
        assert sentence[0].isupper() or sentence[0].isdigit(), sentence
        assert not HEADER.search(sentence), sentence
        inner = re.sub(r"\bDr\. ", "", sentence)
        assert not re.search(r"[.?!]\s+\S", inner), f"two sentences in one: {sentence}"
        assert not sentence.endswith((" and", " of", " the", " Dr.")), sentence


def test_no_decimal_is_cut(texts):
    decimals = [(text, number) for text in texts for number in DECIMAL.findall(text)]
    assert len(decimals) > 5
    for text, number in decimals:
        assert any(number in sentence for sentence in split_sentences(text)), f"{number} in {text}"


def test_the_sentences_cover_the_text(texts):
    """Nothing is lost before repeats and single words are dropped, but the numbers of lists; nor is the order changed."""
    for text in texts:
        cleaned = words_of("".join(map(clean_sentence, every_sentence(text))))
        assert cleaned in (words_of(text), words_of(NUMBER_OF_A_LIST.sub(" ", text))), text


def test_what_is_dropped_is_a_repeat_or_too_short(texts):
    for text in texts:
        kept = {sentence.lower() for sentence in split_sentences(text)}
        for sentence in map(clean_sentence, every_sentence(text)):
            bare = re.sub(r"X{4,}|\W", " ", sentence).split()
            assert sentence.lower() in kept or len(sentence.split()) < 2 or not bare or is_title(sentence), sentence


def is_title(sentence: str) -> bool:
    return not sentence.endswith(".") and bool(re.search(r"\b(?:view|chest|radiograph)", sentence, re.IGNORECASE))
