"""Which boxes a reference sentence has."""

from __future__ import annotations

from chex.records import Annotations, GroundedPhrase, Region
from jobs.evaluation.placed_sentences import PlacedSentence, placed_sentences

LEFT, RIGHT, HEART = (0.5, 0.1, 0.9, 0.8), (0.1, 0.1, 0.5, 0.8), (0.3, 0.5, 0.7, 0.9)
LOW = (0.5, 0.5, 0.9, 0.8)
CLEAR, EFFUSION, LINE = "The lungs are clear.", "There is a small  left effusion.", "PICC line."


def annotated(*grounded: GroundedPhrase) -> Annotations:
    anatomy = (
        Region("left lung", LEFT, ("the lungs are clear", "There is a small left effusion")),
        Region("right lung", RIGHT, ("The lungs are clear.",)),
        Region("cardiac silhouette", HEART, ("The lungs are clear and the heart is large.",)),
    )
    return Annotations(sentences=(CLEAR, EFFUSION, LINE), anatomy=anatomy, grounded=grounded)


def test_regions_that_hold_a_sentence_word_for_word():
    assert placed_sentences(annotated()) == (
        PlacedSentence(CLEAR, (LEFT, RIGHT), ("left lung", "right lung")),
        PlacedSentence(EFFUSION, (LEFT,), ("left lung",)),
        PlacedSentence(LINE),
    )


def test_boxes_of_a_phrase_go_before_those_of_regions():
    phrase = GroundedPhrase("Small left effusion", (LOW, LOW), "ms-cxr/Pleural Effusion")
    clear, effusion, _ = placed_sentences(annotated(phrase))
    assert effusion == PlacedSentence(EFFUSION, (LOW,), ("ms-cxr/Pleural Effusion",))
    assert clear.boxes == (LEFT, RIGHT)


def test_several_phrases_about_a_sentence_count_together():
    phrases = GroundedPhrase("left effusion", (LOW,)), GroundedPhrase("small", (HEART,), "ms-cxr/Atelectasis")
    assert placed_sentences(annotated(*phrases))[1].places == ("", "ms-cxr/Atelectasis")


def test_a_phrase_is_about_the_same_sentence_rather_than_about_one_that_contains_it():
    said = Annotations(sentences=("No effusion.", "Effusion."), grounded=(GroundedPhrase("effusion", (LOW,)),))
    assert [placed.boxes for placed in placed_sentences(said)] == [(), (LOW,)]


def test_parts_of_words_and_other_orders_are_no_phrase():
    for phrase in ("eff", "effusion left", "", "-"):
        said = Annotations(sentences=("Small left effusion.",), grounded=(GroundedPhrase(phrase, (LOW,)),))
        assert placed_sentences(said)[0].boxes == ()
