"""The vocabulary against the datasets' own lists."""

from __future__ import annotations

import json
import pickle
from collections import Counter

import pytest

from chex.vocabulary import load
from chex.vocabulary.laterality import swap_sides

# our label set -> (list of vocabulary-names.json, how a name of it becomes a label)
LISTS = {
    "chexpert": ("chexpert", "chexpert/{}"),
    "cig": ("chest_imagenome", "cig/{}"),
    "vindr": ("vindr_boxes", "vindr/{}"),
    "vindr-top15": ("vindr_boxes_top15", "vindr/{}"),
    "vindr-image": ("vindr_image_labels", "vindr/{}"),
    "nih": ("nih14", "nih/{}"),
    "nih-boxes": ("nih8", "nih/{}"),
    "ms-cxr": ("ms_cxr", "ms-cxr/{}"),
}


@pytest.fixture(scope="module")
def names(shared) -> dict:
    return json.loads((shared / "vocabulary-names.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("label_set", LISTS)
def test_every_dataset_label_is_one_concept_in_the_datasets_order(names, label_set):
    source, pattern = LISTS[label_set]
    listed = names[source]
    if label_set == "cig":
        listed = [name.split("/", 1)[1] for name in listed]
    assert load().labels_of(label_set) == tuple(pattern.format(name) for name in listed)
    for label in load().labels_of(label_set):
        owners = [term for term in load().findings.values() if label in term.labels]
        assert len(owners) == 1
        assert load().finding_of(label) is owners[0]


def test_no_concept_covers_a_label_that_no_set_lists():
    vocabulary = load()
    listed = {label for name in vocabulary.label_sets for label in vocabulary.labels_of(name)}
    covered = Counter(label for term in vocabulary.findings.values() for label in term.labels)
    assert set(covered) == listed
    assert set(covered.values()) == {1}


def test_regions_are_the_datasets(names):
    vocabulary = load()
    assert list(vocabulary.regions) == names["anatomy"]
    assert {name: list(term.parts) for name, term in vocabulary.grouped.items()} == names["anatomy_grouped"]
    assert [term.name for term in vocabulary.regions.values() if term.in_report] == names["anatomy_report"]


def test_mirrors_lead_back_and_change_the_side():
    vocabulary = load()
    assert len(vocabulary.regions) == 29 and len(vocabulary.grouped) == 5
    for name, term in {**vocabulary.regions, **vocabulary.grouped}.items():
        mirror = (vocabulary.regions | vocabulary.grouped)[term.mirror]
        assert mirror.mirror == name
        if term.side is None:
            assert mirror is term
        else:
            assert {term.side, mirror.side} == {"right", "left"}
            assert swap_sides(term.prompt) == mirror.prompt
            assert tuple(map(swap_sides, term.synonyms)) == mirror.synonyms
    # there is only one right atrium: its mirror image is still it
    assert vocabulary.regions["right atrium"].mirror == "right atrium"


def test_every_prompt_is_told_apart_from_every_other():
    vocabulary = load()
    prompts = [term.prompt for term in (*vocabulary.regions.values(), *vocabulary.grouped.values())]
    for term in vocabulary.findings.values():
        assert 1 <= len(term.positive) <= 3 and 1 <= len(term.negative) <= 3 and term.box_prompt
        assert not set(term.positive) & set(term.negative)
        prompts += [*term.positive, *term.negative]
    assert [prompt for prompt, times in Counter(prompts).items() if times > 1] == []
    assert Counter(term.box_prompt for term in vocabulary.findings.values()).most_common(1)[0][1] == 1


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("chexpert/Pleural Effusion", "nih/Effusion", True),
        ("cig/pleural effusion", "vindr/Pleural effusion", True),
        ("cig/enlarged cardiac silhouette", "ms-cxr/Cardiomegaly", True),
        ("chexpert/No Finding", "vindr/No finding", True),
        ("nih/Nodule", "nih/Mass", False),
        ("nih/Nodule", "vindr/Nodule/Mass", False),
        ("chexpert/Lung Lesion", "vindr/Nodule/Mass", False),
        ("cig/copd/emphysema", "vindr/Emphysema", False),
        ("vindr/Other lesion", "vindr/Other disease", False),
    ],
)
def test_what_is_one_concept_and_what_is_not(first, second, same):
    assert (load().finding_of(first) is load().finding_of(second)) == same


@pytest.mark.parametrize(
    ("spelled", "canonical"),
    [
        ("vindr/Other diseases", "vindr/Other disease"),
        ("vindr/Lung tumor ", "vindr/Lung tumor"),
        ("nih/Infiltrate", "nih/Infiltration"),
        ("cig/af/pleural/parenchymal scarring", "cig/pleural/parenchymal scarring"),
        ("cig/disease/pneumonia", "cig/pneumonia"),
    ],
)
def test_aliases_lead_to_the_one_spelling(spelled, canonical):
    assert load().canonical(spelled) == canonical
    assert canonical in load().finding_of(spelled).labels


def test_unknown_names_are_refused_with_near_spellings():
    with pytest.raises(ValueError, match="chexpert/Pleural Effusion"):
        load().finding_of("chexpert/Pleural Efusion")
    with pytest.raises(ValueError, match="unknown label ''"):
        load().finding_of("")
    with pytest.raises(ValueError, match="ms-cxr"):
        load().labels_of("mscxr")


def test_the_vocabulary_travels_between_processes():
    assert pickle.loads(pickle.dumps(load())) == load()
    assert load().version
