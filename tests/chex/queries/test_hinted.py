from __future__ import annotations

import pytest
import torch

from chex import vocabulary
from chex.boxes import cxcywh_to_xyxy
from chex.queries.hinted import Phrase, hinted_targets
from chex.records import Annotations, PathologyBox, PathologyLabel
from chex.vocabulary.located import SIDES

ON_RIGHT, ON_LEFT, MIDDLE = (0.1, 0.5, 0.3, 0.9), (0.6, 0.5, 0.9, 0.9), (0.4, 0.2, 0.7, 0.5)
SHOWN = PathologyLabel("vindr/Pleural effusion", 1)


def effusions(*boxes) -> Annotations:
    return Annotations(
        pathology_labels=(SHOWN,),
        pathology_boxes=tuple(PathologyBox("vindr/Pleural effusion", box, 3) for box in boxes),
    )


BATCH = [
    effusions(ON_RIGHT, ON_LEFT),
    effusions(ON_LEFT),
    Annotations(pathology_labels=(PathologyLabel("vindr/Pleural effusion", 0),)),
    effusions(ON_LEFT, MIDDLE),
    effusions(),  # stated, but nowhere drawn
    Annotations(pathology_labels=(PathologyLabel("chexpert/Pleural Effusion", 1),)),  # a set without boxes
]


@pytest.mark.parametrize("seed", range(4))
def test_a_side_means_its_boxes_alone(seed):
    targets = hinted_targets(BATCH, vocabulary.load(), torch.Generator().manual_seed(seed), most_findings=3)
    assert targets.images.tolist() == [0, 1, 2, 3, 4] and targets.findings == ("pleural_effusion",)
    [prompt] = targets.prompts
    [side] = [side for side in SIDES if side in prompt]
    assert "effusion" in prompt or "pleural fluid" in prompt
    expected = {"right": [[ON_RIGHT], [], [], None, None], "left": [[ON_LEFT], [ON_LEFT], [], None, None]}[side]
    for i, boxes in enumerate(expected):
        assert targets.boxed[i, 0] == (boxes is not None)
        assert targets.values[i, 0] == (-1 if boxes is None else len(boxes))
        found = cxcywh_to_xyxy(targets.boxes_cxcywh[i, 0][targets.present[i, 0]])
        torch.testing.assert_close(found, torch.tensor(boxes or []).view(-1, 4))


def test_both_sides_and_several_wordings_are_drawn():
    prompts = {
        hinted_targets(BATCH, vocabulary.load(), torch.Generator().manual_seed(seed), most_findings=1).prompts[0]
        for seed in range(200)
    }
    assert {side for prompt in prompts for side in SIDES if side in prompt} == set(SIDES)
    assert {"pleural effusion in the right lung", "left-sided pleural effusion"} < prompts


def test_what_lies_in_no_lung_and_nothing_at_all_is_not_asked():
    words, generator = vocabulary.load(), torch.Generator()
    heart = Annotations(
        pathology_labels=(PathologyLabel("vindr/Cardiomegaly", 1),),
        pathology_boxes=(PathologyBox("vindr/Cardiomegaly", ON_LEFT, 3),),
    )
    assert hinted_targets([heart], words, generator, most_findings=3) is None
    assert hinted_targets(BATCH, words, generator, most_findings=0) is None
    assert hinted_targets([Annotations()], words, generator, most_findings=3) is None


PHRASES = [
    Phrase("Small left pleural effusion.", "pleural_effusion", "left"),
    Phrase("Bilateral pleural effusions.", "pleural_effusion"),
    Phrase("Severe edema.", "edema"),  # nothing in the batch shows one
]


@pytest.mark.parametrize("seed", range(8))
def test_a_phrase_is_asked_of_all_images_with_boxes(seed):
    targets = hinted_targets(
        BATCH, vocabulary.load(), torch.Generator().manual_seed(seed), most_findings=0, phrases=PHRASES, most_phrases=3
    )
    assert targets.findings == ("pleural_effusion",)
    expected = {
        PHRASES[0].text: [[ON_LEFT], [ON_LEFT], [], None, None],
        PHRASES[1].text: [[ON_RIGHT, ON_LEFT], [ON_LEFT], [], [ON_LEFT, MIDDLE], None],
    }[targets.prompts[0]]
    for i, boxes in enumerate(expected):
        assert targets.boxed[i, 0] == (boxes is not None)
        assert targets.values[i, 0] == (-1 if boxes is None else bool(boxes))
        found = cxcywh_to_xyxy(targets.boxes_cxcywh[i, 0][targets.present[i, 0]])
        torch.testing.assert_close(found, torch.tensor(boxes or []).view(-1, 4))


def test_sides_and_phrases_are_asked_together_and_phrases_alone_change_no_draw_of_sides():
    words = vocabulary.load()

    def asked(**more):
        return hinted_targets(BATCH, words, torch.Generator().manual_seed(1), most_findings=1, **more).prompts

    both = asked(phrases=PHRASES, most_phrases=2)
    assert len(both) == 2 and both[1] in {phrase.text for phrase in PHRASES[:2]}
    assert asked(phrases=PHRASES) == asked() == both[:1]
