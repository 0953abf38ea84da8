"""The data file of sentences: complete for every kind of finding, with names that exist, and its mistakes refused."""

from __future__ import annotations

import copy
import random

import pytest

from chex.vocabulary import load
from pipelines.phantoms.grammar import finding_sentence, normal_sentence, read_words
from pipelines.phantoms.reports import phrase_in
from pipelines.phantoms.truth import FINDING_KINDS, PlacedFinding
from tests.pipelines.phantoms.handmade import place


@pytest.mark.parametrize("kind", FINDING_KINDS)
def test_every_kind_has_sentences_for_every_side_and_severity(kind):
    for side in ("right", "left", "bilateral", None):
        for zone in ("apical", "upper", "mid", "lower", "perihilar", None):
            for severity in ("mild", "moderate", "severe"):
                for boxes in (((0.1, 0.1, 0.2, 0.2),), ((0.1, 0.1, 0.2, 0.2), (0.6, 0.1, 0.7, 0.2))):
                    finding = PlacedFinding(kind, side, zone, severity, boxes, ("right lung",))
                    if side is None and kind in (
                        "pleural effusion",
                        "pneumothorax",
                        "pleural thickening",
                        "rib fracture",
                    ):
                        continue  # these are always on a side
                    for part in ("findings", "impression"):
                        assert finding_sentence(kind, {0: finding}, part, {"right lung"}, random.Random(1)), (
                            part,
                            finding,
                        )


def test_names_in_the_phrases_are_known_names():
    """Every label, kind and region of phrases.yaml is one of the vocabulary's, of the truth's, or a device."""
    phrases = read_words("phrases")
    labels = {label.partition("/")[2] for label in load().labels_of("cig")}
    labels |= {name for names in phrases["categories"].values() for name in names}
    chexpert = {label.partition("/")[2] for label in load().labels_of("chexpert")}
    assert set(phrases["findings"]) == set(FINDING_KINDS)
    parts = [entry for kind in phrases["findings"].values() for part in kind.values() if isinstance(part, list)
             for entry in part if isinstance(entry, dict)]  # fmt: skip
    groups = [*phrases["findings"].values(), *parts, *phrases["pairs"], *phrases["normal"]]
    groups += [group for part in phrases["normal_impression"].values() for group in part]
    for group in groups:
        assert set(group.get("cig", ())) <= labels, group
        assert set(group.get("chexpert", ())) <= chexpert, group
        assert set(group.get("absent", ())) <= set(FINDING_KINDS), group
        assert set(group.get("regions", ())) <= set(load().regions), group
        for regions in group.get("each", {}).values():
            assert set(regions) <= set(load().regions), group
    assert {group["topic"] for group in phrases["normal"]} >= {k["topic"] for k in phrases["findings"].values()} - {
        "devices"
    }


def test_an_unknown_condition_is_refused(monkeypatch):
    phrases = copy.deepcopy(read_words("phrases"))
    phrases["findings"]["edema"]["findings"] = [{"say": ["there is edema"], "when": {"weather": "mild"}}]
    monkeypatch.setattr("pipelines.phantoms.grammar.read_words", lambda name: phrases)
    with pytest.raises(ValueError, match="found weather"):
        finding_sentence("edema", {0: place("edema")}, "findings", set(), random.Random(0))


def test_what_the_data_file_does_not_know_is_refused():
    with pytest.raises(ValueError, match="no sentences for the finding 'gout'"):
        finding_sentence("gout", {}, "findings", set(), random.Random(0))
    with pytest.raises(ValueError, match="wibble"):
        normal_sentence({"say": ["the {wibble} is normal"]}, [], None, random.Random(0))
    with pytest.raises(ValueError, match="no sentence 'Never said.'"):
        phrase_in("the report", "Never said.")


def test_words_follow_what_is_known_of_the_finding():
    rng = random.Random(2)

    def said(finding):
        return {finding_sentence(finding.kind, {0: finding}, "findings", set(), rng).text.lower() for _ in range(80)}

    assert all("fractures" in text or "ribs" in text for text in said(place("rib fracture", "left", "mid", ribs=3.0)))
    assert not any(
        "ribs" in text or "fractures" in text for text in said(place("rib fracture", "left", "mid", ribs=1.0))
    )
    supine = said(place("pleural effusion", "right", "lower", "mild", position="supine"))
    assert any("layer" in text for text in supine) and not any("blunt" in text for text in supine)
    assert any("14 mm" in text for text in said(place("nodule", "right", "upper", size_mm=14.2)))
    # the box decides, not the zone that was asked for
    strayed = PlacedFinding(
        "nodule", "left", "lower", "mild", ((0.6, 0.4, 0.7, 0.5),), ("left lung", "left mid lung zone")
    )
    assert all("mid lung" in text for text in said(strayed))
