from __future__ import annotations

import pytest
import torch

from chex import vocabulary
from chex.queries.anatomy import anatomy_targets, region_findings
from chex.queries.box import boxed_regions
from chex.queries.pathology import pathology_targets
from chex.queries.sentence import same_sentences, sentence_targets
from chex.records import Annotations, PathologyBox, PathologyLabel, Region

RIGHT, LEFT = (0.1, 0.1, 0.5, 0.9), (0.5, 0.1, 0.9, 0.9)
MIMIC = Annotations(
    sentences=("No effusion.", "Heart is enlarged.", "No effusion."),
    anatomy=(
        Region("right lung", RIGHT, ("Right opacity.",), ("cig/lung opacity",), True),
        Region("left lung", LEFT, ("Clear.", "Right opacity."), (), True),
        Region("trachea", (0.4, 0.0, 0.6, 0.3)),
    ),
    pathology_labels=(PathologyLabel("chexpert/Cardiomegaly", 1), PathologyLabel("chexpert/Edema", -1)),
)
VINDR = Annotations(
    pathology_labels=(PathologyLabel("vindr/Pleural effusion", 1), PathologyLabel("vindr/Cardiomegaly", 0)),
    pathology_boxes=(PathologyBox("vindr/Pleural effusion", RIGHT, 3), PathologyBox("vindr/Pleural effusion", LEFT, 2)),
)
BATCH = [VINDR, MIMIC, Annotations()]


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def terms():
    return vocabulary.load()


def test_anatomy(terms, generator):
    targets = anatomy_targets(BATCH, terms, generator, most_regions=99, vary_prompts=False)
    assert targets.images.tolist() == [1]
    right, both = targets.regions.index("right lung"), targets.regions.index("lungs")
    assert targets.prompts[right] == terms.regions["right lung"].prompt
    assert torch.allclose(targets.boxes_cxcywh[0, right, 0], torch.tensor([0.3, 0.5, 0.4, 0.8]))
    assert targets.present[0, right].tolist() == [True, False]
    assert targets.present[0, both].tolist() == [True, True] and targets.grouped[both]
    assert not targets.present[0, targets.regions.index("spine")].any()
    opacity = region_findings(terms).index(terms.finding_of("cig/lung opacity").id)
    assert targets.labels[0, right, opacity] and targets.labels[0, both, opacity]
    assert targets.labels[0].sum() == 2
    assert targets.labelled[0, right] and not targets.labelled[0, targets.regions.index("trachea")]
    assert targets.labelled[0, both] and targets.sentences[0][both] == "Right opacity. Clear."
    assert anatomy_targets([VINDR], terms, generator) is None


def test_a_group_is_labelled_where_all_its_parts_are(terms, generator):
    half = Annotations(anatomy=(Region("right lung", RIGHT, labelled=True), Region("left lung", LEFT)))
    targets = anatomy_targets([half], terms, generator, most_regions=99)
    labelled = dict(zip(targets.regions, targets.labelled[0].tolist()))
    assert labelled["right lung"] and not labelled["left lung"] and not labelled["lungs"]
    assert sum(labelled.values()) == 1  # neither is what has no box


def test_a_draw_of_regions_keeps_their_order(terms, generator):
    targets = anatomy_targets(BATCH, terms, generator, most_regions=7)
    order = [*terms.regions, *terms.grouped]
    assert len(targets.regions) == 7
    assert [order.index(name) for name in targets.regions] == sorted(order.index(name) for name in targets.regions)


def test_pathology(terms, generator):
    targets = pathology_targets(BATCH, terms, generator, label_sets=("vindr", "chexpert"), vary_prompts=False)
    assert targets.images.tolist() == [0, 1]
    effusion, heart = (
        targets.findings.index(terms.finding_of(f"vindr/{n}").id) for n in ("Pleural effusion", "Cardiomegaly")
    )
    assert targets.values[:, effusion].tolist() == [1, -1] and targets.values[:, heart].tolist() == [0, 1]
    assert targets.present[0, effusion].tolist() == [True, True] and not targets.present[1].any()
    assert targets.boxed[0, heart] and not targets.boxed[1].any()
    only_vindr = pathology_targets(BATCH, terms, generator)
    assert only_vindr.images.tolist() == [0]
    assert pathology_targets([Annotations()], terms, generator) is None


def test_what_a_report_does_not_mention_is_absent_where_asked_for(terms, generator):
    sets = {"label_sets": ("vindr", "chexpert"), "most_with_labels": 99}
    targets = pathology_targets(BATCH, terms, generator, unmentioned_absent=("chexpert",), **sets)
    place = {
        name: targets.findings.index(terms.finding_of(f"chexpert/{name}").id) for name in ("Fracture", "Cardiomegaly")
    }
    assert targets.values[:, place["Fracture"]].tolist() == [-1, 0]  # only the second image has CheXpert labels
    assert targets.values[1, place["Cardiomegaly"]] == 1
    edema = terms.finding_of("chexpert/Edema").id
    assert edema not in targets.findings  # uncertain is neither
    unknown = pathology_targets(BATCH, terms, generator, **sets)
    assert terms.finding_of("chexpert/Fracture").id not in unknown.findings


def test_sentences(generator):
    targets = sentence_targets(BATCH, generator)
    assert targets.images.tolist() == [1]
    assert targets.sentences == (("No effusion.", "Heart is enlarged."),)
    assert targets.mask.tolist() == [[True, True]]
    assert len(sentence_targets(BATCH, generator, most_sentences=1).sentences[0]) == 1
    assert sentence_targets([VINDR], generator) is None
    assert same_sentences(["A b", "a B", "c"]).tolist() == [[True, True, False]] * 2 + [[False, False, True]]


def test_regions_by_box(terms, generator):
    narrowed, boxes = boxed_regions(anatomy_targets(BATCH, terms, generator, most_regions=99))
    assert "lungs" not in narrowed.regions and len(narrowed.regions) == 29
    left, spine = narrowed.regions.index("left lung"), narrowed.regions.index("spine")
    assert torch.allclose(boxes[0, left], torch.tensor([0.7, 0.5, 0.4, 0.8]))
    assert boxes[0, spine].tolist() == [0.5, 0.5, 1.0, 1.0] and not narrowed.present[0, spine].any()
    grouped_only = anatomy_targets(BATCH, terms, generator, most_regions=99)
    assert narrowed.sentences[0][left] == grouped_only.sentences[0][grouped_only.regions.index("left lung")]
