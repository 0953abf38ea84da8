"""What a flip does to words: hand-checked sentences, before and after."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chex.vocabulary import load
from chex.vocabulary.laterality import swap_sides

SWAPPED = [
    ("right lung", "left lung"),
    ("Small right pleural effusion.", "Small left pleural effusion."),
    ("Right-sided effusion, LEFT base clear.", "Left-sided effusion, RIGHT base clear."),
    ("RIGHT LUNG CLEAR.", "LEFT LUNG CLEAR."),
    ("Left-sided dual-chamber pacemaker.", "Right-sided dual-chamber pacemaker."),
    ("Mediastinum shifted rightward.", "Mediastinum shifted leftward."),
    ("The rightmost lead is unchanged.", "The leftmost lead is unchanged."),
    ("The cardiac apex points to the left.", "The cardiac apex points to the right."),
    ("Right-sided aortic arch.", "Left-sided aortic arch."),
    ("Aortic arch, cardiac apex and stomach are left-sided.", "Aortic arch, cardiac apex and stomach are right-sided."),
    ("The right heart border is obscured.", "The left heart border is obscured."),
    ("Effusions, right greater than left.", "Effusions, left greater than right."),
    ("Effusions, right > left.", "Effusions, left > right."),
    ("Atelectasis R>L.", "Atelectasis L>R."),
    ("Opacities (R > L), R/L hila prominent.", "Opacities (L > R), L/R hila prominent."),
    ("Effusion, lt greater than rt.", "Effusion, rt greater than lt."),
    ("Rt. lung clear, lt base opacity.", "Lt. lung clear, rt base opacity."),
    ("RT UPPER LOBE NODULE", "LT UPPER LOBE NODULE"),
    ("R PICC and L IJ line.", "L PICC and R IJ line."),
    ("R-sided chest tube.", "L-sided chest tube."),
    ("Opacity at the base (L).", "Opacity at the base (R)."),
    ("RLL opacity, rul clear.", "LLL opacity, lul clear."),
    ("RUL/RLL consolidation.", "LUL/LLL consolidation."),
    ("Pain in the RUQ and LUE.", "Pain in the LUQ and RUE."),
    ("Left internal jugular line, tip in the SVC.", "Right internal jugular line, tip in the SVC."),
    ("Mild dextroscoliosis.", "Mild levoscoliosis."),
    ("Levo-convex curvature, dextrocardia.", "Dextro-convex curvature, levocardia."),
    ("Shift from right to left.", "Shift from left to right."),
    ("The tube was left in place on the left.", "The tube was left in place on the right."),
    # the left lung has a lingula where the right one has a middle lobe
    ("Right middle lobe pneumonia.", "Lingula pneumonia."),
    ("Opacity in the lingula.", "Opacity in the right middle lobe."),
    ("Lingular and right basal opacity.", "Right middle lobar and left basal opacity."),
    ("Opacity in the left lingula.", "Opacity in the right lingula."),
    ("right middle lung zone", "left middle lung zone"),
    # parts of the heart keep their names; what lies beside them does not
    ("Leads from a left pacemaker end in the right atrium and right ventricle.",
     "Leads from a right pacemaker end in the right atrium and right ventricle."),
    ("Left PICC ends in the right atrium, left base clear.", "Right PICC ends in the right atrium, right base clear."),
    ("Left effusion and left ventricular enlargement.", "Right effusion and left ventricular enlargement."),
    ("Pacer on the left and right ventricular lead.", "Pacer on the right and right ventricular lead."),
    ("Previous effusion on the left now resolved.", "Previous effusion on the right now resolved."),
    ("Has left lower lobe pneumonia.", "Has right lower lobe pneumonia."),
]  # fmt: skip

KEPT = [
    "",
    "The heart is normal.",
    "A bright, upright cleft.",
    "Bilateral effusions, biapical scars.",
    "Left atrial enlargement.",
    "LEFT VENTRICULAR HYPERTROPHY",
    "Tip at the cavoatrial junction, below the SVC.",
    "Right and left ventricles are enlarged; right/left atria too.",
    "Right atrial lead and left-sided heart failure.",
    "Right heart strain, right-sided heart failure.",
    "Left anterior descending and right coronary artery stents.",
    "Left bundle branch block, left axis deviation.",
    "Left-to-right shunt.",
    "RA and RV leads, LVAD, LAD calcified.",
    "The drain was left in situ.",
    "Patient left against medical advice, left the department.",
    "Drained 2 L pleural fluid, 1.5-L effusion, 3 l effusion.",
    "r/o pneumonia",
    "L1 compression fracture; L-spine.",
    "Started on levofloxacin and dextrose.",
    "s/p RT and chemotherapy",
    "The tip lies right at the carina.",
]


@pytest.mark.parametrize(("text", "mirrored"), [*SWAPPED, *((text, text) for text in KEPT)])
def test_sentences_checked_by_hand(text, mirrored):
    assert swap_sides(text) == mirrored
    assert swap_sides(mirrored) == text


def test_an_abbreviation_without_a_counterpart_is_spelled_out():
    assert swap_sides("RML opacity.") == "lingula opacity."
    assert swap_sides(swap_sides("RML opacity.")) == "right middle lobe opacity."


def test_regions_are_swapped_where_there_are_two_of_them():
    """The vocabulary knows which regions have an opposite; the words must agree with it."""
    terms = load().regions
    one = {"trachea", "spine", "aortic arch", "mediastinum", "upper mediastinum", "svc", "cardiac silhouette",
           "cavoatrial junction", "right atrium", "carina", "abdomen"}  # fmt: skip
    assert {name for name, term in terms.items() if term.mirror == name} == one
    for name, term in terms.items():
        assert swap_sides(name) == term.mirror
        for text in (term.prompt, *term.synonyms):
            assert (swap_sides(text) == text) == (name in one)


def test_no_label_has_a_side():
    """Labels stay as they are in a mirrored image."""
    vocabulary = load()
    for label in vocabulary.by_label:
        assert swap_sides(label) == label


PARTS = ("right", "left", "Right", "LEFT", "rightward", "was", "in", "place", "lung", ",", "-", "RUL", "lul", "R", "l",
         "Rt", ">", "/", "and", "atrium", "ventricular", "heart", "failure", "on the", "2", "(", ")", "to", "shunt",
         "dextroscoliosis", "levocardia", "PICC", "is", "at", "now", ".")  # fmt: skip


@given(st.lists(st.sampled_from(PARTS)), st.sampled_from((" ", "")))
def test_swapping_twice_gives_the_text_back(parts, gap):
    text = gap.join(parts)
    assert swap_sides(swap_sides(text)) == text
