from __future__ import annotations

import copy
import dataclasses

import pytest
import torch

from chex import vocabulary
from chex.objective_config import LossWeights, ObjectiveConfig
from chex.records import Annotations, PathologyBox, PathologyLabel, Region, Sample, Study
from chex.training_config import STAGES, DataConfig, TrainingConfig
from jobs.training.stages import stage_of
from jobs.training.stages.finding_sentences import finding_sentences

RIGHT, LEFT = (0.1, 0.1, 0.5, 0.9), (0.5, 0.1, 0.9, 0.9)


def sample(name: str, annotations: Annotations) -> Sample:
    return Sample(Study("made-up", "train", name, name, name, ""), annotations, b"", 128, 128, 128, 128)


def batch(*annotations: Annotations) -> dict:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (len(annotations), 128, 128), dtype=torch.uint8, generator=generator).numpy()
    return {"images": images, "samples": [sample(str(i), a) for i, a in enumerate(annotations)]}


MIMIC = Annotations(
    sentences=("No pleural effusion.", "The heart is enlarged."),
    anatomy=(
        Region("right lung", RIGHT, ("Opacity in the right lung.",), ("cig/lung opacity",), True),
        Region("left lung", LEFT, ("Clear left lung.",), (), True),
        Region("trachea", (0.4, 0.0, 0.6, 0.3)),
    ),
    pathology_labels=(PathologyLabel("chexpert/Cardiomegaly", 1),),
)
VINDR = Annotations(
    pathology_labels=(PathologyLabel("vindr/Pleural effusion", 1), PathologyLabel("vindr/Cardiomegaly", 0)),
    pathology_boxes=(PathologyBox("vindr/Pleural effusion", RIGHT, 3),),
)
FULL = batch(MIMIC, VINDR, dataclasses.replace(MIMIC, sentences=("Lungs are clear.",)))
PARTS = {
    "contrastive": {"text_identity", "image_report", "sentence_alignment", "region_names", "region_labels"},
    "detector": {
        "pathology_boxes", "pathology_scores", "pathology_classes", "pathology_probabilities", "anatomy_boxes",
        "anatomy_classes", "region_probabilities", "image_report", "sentence_contrast",
    },
    "post-decoder": {"anatomy_classes", "region_probabilities", "anatomy_mse", "sentence_contrast", "sentence_mse"},
    "sentences": {"sentence_generation"},
    "generator": {
        "anatomy_classes", "region_probabilities", "anatomy_mse", "sentence_contrast", "sentence_mse",
        "anatomy_generation",
        "sentence_generation",
    },
}  # fmt: skip


def built(name: str, tiny_model_dir, **changes):
    config = TrainingConfig(stage=name, objective=ObjectiveConfig(most_regions=99, **changes))
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, image_size=128))
    return stage_of(name).build(config, "tiny", tiny_model_dir, "", vocabulary.load())


@pytest.mark.parametrize("name", STAGES)
def test_losses_are_complete_finite_and_reach_the_trained_parts_only(name, tiny_model_dir):
    model, objective = built(name, tiny_model_dir, box_query_share=0.0)
    parts = objective(model, FULL, torch.Generator().manual_seed(0))
    assert set(parts) == PARTS[name] | {"loss"}
    assert all(torch.isfinite(part) for part in parts.values())
    assert parts["loss"] > 0
    parts["loss"].backward()
    reached = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert reached == set(objective.trained)
    assert {n.split(".")[0] for n, p in model.named_parameters() if p.requires_grad} == set(objective.trained)
    training = {n for n, part in model.named_children() if part.training}
    assert training == set(objective.trained)


@pytest.mark.parametrize("name", ["detector", "generator"])
def test_half_precision_computes_nearly_the_same(name, tiny_model_dir):
    model, objective = built(name, tiny_model_dir)
    model.eval()
    whole = objective(model, FULL, torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        half = objective(model, FULL, torch.Generator().manual_seed(0))
        images = model.encode_images(torch.as_tensor(FULL["images"]))
        found = model.detect(images, model.text_features(["heart"])[None])
    assert {n: v.item() for n, v in half.items()} == pytest.approx({n: v.item() for n, v in whole.items()}, rel=0.02)
    assert found.boxes_cxcywh.dtype == found.scores.dtype == torch.float32
    half["loss"].backward()


@pytest.mark.parametrize("name", STAGES)
def test_a_sliver_of_a_box_gives_finite_losses_and_gradients(name, tiny_model_dir):
    """Crops leave such boxes; between two patch centres no patch has a weight under them."""
    model, objective = built(name, tiny_model_dir, box_query_share=1.0)
    anatomy = tuple(dataclasses.replace(r, box=(0.5, 0.5, 0.5 + 1e-4, 0.5 + 1e-4)) for r in MIMIC.anatomy)
    slivers = dataclasses.replace(MIMIC, anatomy=anatomy)
    parts = objective(model, batch(slivers, slivers), torch.Generator().manual_seed(0))
    assert all(torch.isfinite(part) for part in parts.values()), parts
    parts["loss"].backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("poor", [Annotations(), dataclasses.replace(MIMIC, anatomy=(), pathology_labels=()), VINDR])
def test_batches_that_lack_targets_train_on_what_there_is(name, poor, tiny_model_dir):
    model, objective = built(name, tiny_model_dir)
    parts = objective(model, batch(poor, poor), torch.Generator().manual_seed(0))
    assert torch.isfinite(parts["loss"])
    parts["loss"].backward()


@pytest.mark.parametrize("name", STAGES)
def test_a_few_steps_on_one_batch_lower_the_loss(name, tiny_model_dir):
    model, objective = built(name, tiny_model_dir, box_query_share=0.0)
    optimizer = torch.optim.AdamW(objective.trainable(model), lr=1e-3)
    stage = stage_of(name)
    before = stage.validate(model, objective, [FULL]).figures["loss"]
    for step in range(8):
        torch.manual_seed(step)
        optimizer.zero_grad()
        objective(model, FULL, torch.Generator().manual_seed(0))["loss"].backward()
        optimizer.step()
    model.forget_texts()
    assert stage.validate(model, objective, [FULL]).figures["loss"] < before


def test_validation_is_repeatable_and_leaves_the_training_state(tiny_model_dir):
    model, objective = built("detector", tiny_model_dir)
    stage = stage_of("detector")
    state = copy.deepcopy(model.state_dict())
    assert stage.validate(model, objective, [FULL]) == stage.validate(model, objective, [FULL])
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert model.detector.training and not model.prompt_encoder.training


def test_regions_asked_by_box_train_the_generator_too(tiny_model_dir):
    model, objective = built("generator", tiny_model_dir, box_query_share=1.0)
    parts = objective(model, FULL, torch.Generator().manual_seed(0))
    assert parts["anatomy_generation"] > 0


def test_sentences_are_copied_in_training_only(tiny_model_dir):
    model, objective = built("sentences", tiny_model_dir, most_copies=4, most_generated=2)

    def words(seed: int) -> int:
        before = objective.tokens_written
        objective(model, FULL, torch.Generator().manual_seed(seed))
        return objective.tokens_written - before

    copied = [words(seed) for seed in range(12)]
    model.eval()
    assert {now / once for now, once in zip(copied, map(words, range(12)), strict=True)} == {1, 2, 3, 4}


def test_sentences_are_learned_as_long_as_they_are_written(tiny_model_dir):
    long = batch(Annotations(sentences=("effusion " * 200,)))
    model, objective = built("sentences", tiny_model_dir, most_copies=1)
    objective(model, long, torch.Generator().manual_seed(0))
    assert objective.tokens_written == model.config.generator.max_tokens  # the words and the end
    most = dataclasses.replace(model.config.generator, max_tokens=model.config.generator.positions)
    model.config = dataclasses.replace(model.config, generator=most)
    objective(model, long, torch.Generator().manual_seed(0))  # has no more positions than that


def test_findings_are_answered_by_the_sentences_about_them(tiny_model_dir):
    terms = vocabulary.load()
    report = Annotations(sentences=("No pleural effusion.", "The heart is enlarged.", "A nodule is seen."))
    normal = Annotations(sentences=("No pneumothorax.", "No acute cardiopulmonary process."))
    asked = finding_sentences([Annotations(), report, normal], terms, torch.Generator().manual_seed(0))
    labels = [label.partition("/")[2] for label in terms.labels_of("chexpert")]
    said = {(int(asked.images[row]), labels[q]): text for row, q, text in asked.answers}
    values = dict(zip(labels, asked.values[0].tolist(), strict=True))
    assert (values["Cardiomegaly"], values["Pleural Effusion"], values["Fracture"]) == (1, 0, 0)
    assert said[1, "Pleural Effusion"] == "No pleural effusion."
    assert said[1, "Cardiomegaly"] == "The heart is enlarged."
    assert said[2, "Pneumothorax"] == "No pneumothorax."
    assert said[2, "No Finding"] == "No acute cardiopulmonary process."
    assert (1, "No Finding") not in said
    silent = {text for (image, _), text in said.items() if image == 1} - set(report.sentences)
    assert len([answer for answer in asked.answers if answer[0] == 0]) == len(labels) - 1  # all but "No Finding"
    assert all(text.startswith(("No ", "There is no ", "There are no ", "The ", "Normal ")) for text in silent)
    few = finding_sentences([report] * 9, terms, torch.Generator().manual_seed(0), most=4)
    assert len(few.answers) == 4
    assert finding_sentences([Annotations()], terms, torch.Generator()) is None


def test_sentences_that_state_a_finding_are_drawn_by_their_odds():
    terms, report = vocabulary.load(), Annotations(sentences=("No pneumothorax.", "The heart is enlarged."))

    def share(odds: float) -> float:
        generator = torch.Generator().manual_seed(0)
        drawn = [finding_sentences([report] * 4, terms, generator, most=6, stated_odds=odds) for _ in range(100)]
        return sum(text == "The heart is enlarged." for asked in drawn for *_, text in asked.answers) / 600

    assert share(1.0) == pytest.approx(1 / 13, abs=0.03)
    assert share(4.0) == pytest.approx(4 / 16, abs=0.06)


def test_findings_asked_for_train_the_generator(tiny_model_dir):
    weights = LossWeights(finding_probabilities=1.0, finding_generation=1.0, finding_mse=0.1)
    model, objective = built("generator", tiny_model_dir, weights=weights)
    parts = objective(model, FULL, torch.Generator().manual_seed(0))
    assert parts["finding_generation"] > 0 and parts["finding_mse"] > 0 and parts["finding_probabilities"] > 0


def test_pictures_show_predicted_boxes(tiny_model_dir):
    model, objective = built("detector", tiny_model_dir)
    drawn = stage_of("detector").pictures(model, objective, [FULL])
    assert {name[:8] for name in drawn} == {"made-up-"} and len(drawn) == 3, "patients stay unnamed"
    assert all(picture.width > picture.height >= 512 for picture in drawn.values())
    assert model.detector.training
    assert stage_of("contrastive").pictures(*built("contrastive", tiny_model_dir), [FULL]) == {}


def test_images_are_framed_in_training_as_the_model_frames_them(tiny_model_dir):
    config = TrainingConfig(stage="detector", data=DataConfig(image_size=128, fit="center_crop"))
    for start, where in ((tiny_model_dir, str(tiny_model_dir)), (None, "preset tiny")):
        with pytest.raises(ValueError, match=rf"data\.fit: {where} takes images by stretch; found center_crop"):
            stage_of("detector").build(config, "tiny", start, "", vocabulary.load())
    both = dataclasses.replace(config, model={"preprocessing": {"fit": "center_crop"}})
    model, _ = stage_of("detector").build(both, "tiny", tiny_model_dir, "", vocabulary.load())
    assert model.config.preprocessing.fit == "center_crop"


def test_unknown_stages_and_presets_are_named(tiny_model_dir):
    with pytest.raises(ValueError, match="unknown stage 'pretraining'; there are contrastive"):
        stage_of("pretraining")
    config = TrainingConfig(stage="detector")
    with pytest.raises(ValueError, match=r"data\.image_size: .* takes images of 128 pixels; found 224"):
        stage_of("detector").build(config, "tiny", tiny_model_dir, "", vocabulary.load())
    with pytest.raises(ValueError, match="unknown preset 'huge'"):
        stage_of("detector").build(config, "huge", None, "", vocabulary.load())
