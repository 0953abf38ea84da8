"""The phantoms' grammar says of each sentence what it states: written apart from the reader, and never shown to it."""

from __future__ import annotations

from chex.metrics.label_reader import rule_based_label_reader
from pipelines.phantoms.image import render
from pipelines.phantoms.reports import write_report


def stated(labels) -> set[tuple[str, int]]:
    """What is present or uncertain; the grammar leaves many absent labels out."""
    return {(label, value) for label, value in dict(labels).items() if value != 0}


def test_reader_and_grammar_agree():
    reader = rule_based_label_reader()
    sentences = {
        sentence.text: dict(sentence.chexpert)
        for seed in range(30)
        for sentence in write_report(render(seed, size=64), seed).sentences
    }
    assert len(sentences) > 100
    wrong = {
        text: (sorted(stated(labels)), sorted(stated(reader.read_sentence(text))))
        for text, labels in sentences.items()
        if stated(labels) != stated(reader.read_sentence(text))
    }
    assert len(wrong) <= 0.02 * len(sentences), wrong


def test_what_the_grammar_calls_absent_is_never_read_as_present():
    reader = rule_based_label_reader()
    for seed in range(30, 50):
        for sentence in write_report(render(seed, size=64), seed).sentences:
            read = reader.read_sentence(sentence.text)
            for label, value in dict(sentence.chexpert).items():
                assert value != 0 or read.get(label, 0) == 0, sentence.text
