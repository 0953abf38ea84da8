"""Hand-checked reports in MIMIC-CXR's style: where the sentences that are found in them begin and end."""

from __future__ import annotations

from pathlib import Path

import yaml

from pipelines.reports import parse

TABLE = Path(__file__).parents[2] / "data" / "report_sentences.yaml"
LEAST = 0.98


def test_boundaries_of_the_table():
    """At least 98 % of the boundaries are right, in precision and in recall.

    Every sentence has two boundaries, where it begins and where it ends: places among the letters and digits of the
    report, so that white space, capitals and stops do not count. A boundary that is found is right if the table has
    one of its kind at that place; a sentence whose letters are not in the report after the sentence before it has two
    wrong ones. Two sentences taken for one miss two boundaries, a heading left on a sentence makes one wrong and
    misses one.
    """
    right = found = expected = 0
    wrong = []
    for name, entry in yaml.safe_load(TABLE.read_text(encoding="utf-8")).items():
        sentences = parse(entry["report"]).sentences
        ours, theirs = boundaries(sentences, entry["report"]), boundaries(entry["sentences"], entry["report"])
        right += len(ours & theirs)
        found += len(ours)
        expected += len(theirs)
        if ours != theirs:
            wrong.append("\n".join([name, *(f"  found    {s}" for s in sentences if s not in entry["sentences"]),
                                    *(f"  expected {s}" for s in entry["sentences"] if s not in sentences)]))  # fmt: skip
    precision, recall = right / found, right / expected
    figures = f"{expected} boundaries, {found} found, {right} right: precision {precision:.4f}, recall {recall:.4f}"
    print(figures)
    assert min(precision, recall) >= LEAST, "\n".join([figures, *wrong])


def boundaries(sentences: list[str] | tuple[str, ...], report: str) -> set[tuple[str, int]]:
    """("begin" or "end", place) of every sentence, places counted in the letters and digits of the report."""
    letters, place, places = letters_of(report), 0, set()
    for number, sentence in enumerate(sentences):
        own = letters_of(sentence)
        begin = letters.find(own, place)
        if begin < 0:
            begin = -2 * number - 2  # nowhere: two places that no other sentence has
            places |= {("begin", begin), ("end", begin)}
            continue
        place = begin + len(own)
        places |= {("begin", begin), ("end", place)}
    return places


def letters_of(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()
