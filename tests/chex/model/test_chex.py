from __future__ import annotations

import json
import os

import pytest
import torch
from safetensors.torch import save_file

from chex import Chex

PROMPTS = ["pleural effusion", "no pneumothorax", "right lung", "left costophrenic angle", "heart"]


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.randint(0, 256, (4, 128, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def detect(model, pixels, prompts):
    with torch.no_grad():
        images = model.encode_images(pixels)
        found = model.detect(images, model.text_features(prompts)[None])
        return found, model.refine(images, found)


def test_a_prompt_depends_neither_on_other_prompts_nor_on_the_batch(tiny_model, pixels):
    together, refined = detect(tiny_model, pixels, PROMPTS)
    for q, prompt in enumerate(PROMPTS):
        for b in (0, 3):
            alone, refined_alone = detect(tiny_model, pixels[b : b + 1], [prompt])
            for name in ("boxes_cxcywh", "scores", "box_features", "tokens"):
                difference = getattr(together, name)[b, q] - getattr(alone, name)[0, 0]
                assert difference.abs().max() <= 1e-5, name
            assert (refined[b, q] - refined_alone[0, 0]).abs().max() <= 1e-5


def test_attention_across_prompts_is_an_option_and_does_make_them_dependent(tiny_model, pixels):
    import dataclasses

    config = dataclasses.replace(tiny_model.detector.config, attends_to="image")
    own = tiny_model.detector.config
    tiny_model.detector.config = config
    try:
        together, _ = detect(tiny_model, pixels, PROMPTS)
        alone, _ = detect(tiny_model, pixels, PROMPTS[:1])
    finally:
        tiny_model.detector.config = own
    assert (together.tokens[:, 0] - alone.tokens[:, 0]).abs().max() > 1e-4


def test_shapes_and_ranges(tiny_model, pixels):
    found, refined = detect(tiny_model, pixels, PROMPTS)
    assert found.boxes_cxcywh.shape == (4, 5, 3, 4)
    assert found.tokens.shape == refined.shape == (4, 5, 128)
    for values in (found.boxes_cxcywh, found.scores):
        assert ((values > 0) & (values < 1)).all()


def test_box_queries_pool_under_the_box(tiny_model, pixels):
    with torch.no_grad():
        images = tiny_model.encode_images(pixels)
        boxes = torch.tensor([[0.25, 0.25, 0.2, 0.2], [0.75, 0.75, 0.2, 0.2]]).expand(4, -1, -1)
        found = tiny_model.describe_boxes(images, boxes)
        asked_too = tiny_model.describe_boxes(images, boxes, tiny_model.text_features(PROMPTS[:2])[None])
    assert found.tokens.shape == (4, 2, 128) and found.scores.shape == (4, 2, 1)
    assert torch.equal(found.boxes_cxcywh[:, :, 0], boxes)
    assert torch.equal(found.tokens, found.box_features[:, :, 0])  # no score makes a user's box count less
    assert (found.tokens[:, 0] - found.tokens[:, 1]).abs().max() > 1e-3
    assert (found.tokens - asked_too.tokens).abs().max() > 1e-3


def test_nothing_is_random_outside_training(tiny_model, pixels):
    first, second = detect(tiny_model, pixels, PROMPTS), detect(tiny_model, pixels, PROMPTS)
    assert torch.equal(first[0].tokens, second[0].tokens) and torch.equal(first[1], second[1])


def test_text_features_are_cached_and_forgotten_with_the_weights(tiny_model):
    features = tiny_model.text_features(["heart", "heart", "spine"])
    assert torch.equal(features[0], features[1])
    with torch.no_grad():
        fresh = tiny_model.encode_texts(["spine"])[0]
    assert (features[2] - fresh).abs().max() < 1e-5
    assert tiny_model.text_features([]).shape == (0, 128)
    tiny_model.load_state_dict(tiny_model.state_dict())
    assert not tiny_model._text_cache


def test_save_and_load_are_exact(tiny_model, tiny_model_dir, pixels):
    loaded = Chex.load(tiny_model_dir)
    before, after = detect(tiny_model, pixels, PROMPTS), detect(loaded, pixels, PROMPTS)
    assert torch.equal(before[0].tokens, after[0].tokens) and torch.equal(before[1], after[1])
    assert len(loaded.provenance["weights_sha256"]) == 64
    assert loaded.write(after[1][0]) == tiny_model.write(before[1][0])


def test_a_saved_folder_is_complete_readable_and_the_same_whenever_it_is_written(tiny_model, tmp_path):
    before = os.umask(0o027)
    try:
        tiny_model.save(tmp_path / "once")
    finally:
        os.umask(before)
    files = sorted(file.name for file in (tmp_path / "once").iterdir())
    assert files == [
        "README.md",
        "config.json",
        "model.safetensors",
        "prompt_tokenizer.json",
        "sentence_tokenizer.json",
    ]
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "once").iterdir()} == {0o640}
    loaded = Chex.load(tmp_path / "once")
    assert loaded.state_dict().keys() == tiny_model.state_dict().keys()
    for name, weight in tiny_model.state_dict().items():
        kept = loaded.state_dict()[name]
        assert kept.dtype == weight.dtype and torch.equal(kept, weight), name
    assert loaded.config == tiny_model.config
    assert {p.requires_grad for p in loaded.parameters()} == {True}
    loaded.save(tmp_path / "twice")
    for name in files:
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "twice" / name).read_bytes(), name


def test_folders_of_before_and_half_precision_are_read(tiny_model, tmp_path):
    tiny_model.save(tmp_path)
    content = json.loads((tmp_path / "config.json").read_text())
    del content["tokenizers"]
    for name in ("embedding_dropout", "attention_dropout"):
        del content["architecture"]["generator"][name]
    (tmp_path / "config.json").write_text(json.dumps(content))
    save_file({name: weight.half() for name, weight in tiny_model.state_dict().items()}, tmp_path / "model.safetensors")
    loaded = Chex.load(tmp_path)
    assert loaded.prompt_tokenizer.config == tiny_model.prompt_tokenizer.config
    assert {weight.dtype for weight in loaded.state_dict().values()} == {torch.float32}


def test_weights_can_be_stored_in_half_the_size(tiny_model, tmp_path):
    tiny_model.save(tmp_path / "single")
    tiny_model.save(tmp_path / "half", stored_as=torch.float16)
    single, half = ((tmp_path / name / "model.safetensors").stat().st_size for name in ("single", "half"))
    assert half < 0.51 * single
    loaded = Chex.load(tmp_path / "half").state_dict()
    for name, weight in tiny_model.state_dict().items():
        assert loaded[name].dtype == weight.dtype
        torch.testing.assert_close(loaded[name], weight, rtol=1e-3, atol=1e-6)


def test_a_weight_beyond_half_precision_is_refused(tiny_model_dir, tmp_path):
    model = Chex.load(tiny_model_dir)
    model.detector.box_norm.weight.data[0] = 1e6
    with pytest.raises(ValueError, match="detector.box_norm.weight: expected values within torch.float16.*1e\\+06"):
        model.save(tmp_path / "half", stored_as=torch.float16)
    assert not list((tmp_path / "half").iterdir())


def test_saving_that_fails_leaves_the_folder_as_it_was(tiny_model, tmp_path, monkeypatch):
    tiny_model.save(tmp_path)
    kept = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("chex.model.chex.model_card", full)
    changed = Chex.load(tmp_path)
    with torch.no_grad():
        changed.post_decoder.gate += 1
    with pytest.raises(OSError, match="no space left"):
        changed.save(tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == kept


def test_loading_draws_nothing_at_random(tiny_model_dir):
    state = torch.get_rng_state()
    Chex.load(tiny_model_dir)
    assert torch.equal(state, torch.get_rng_state())


def test_a_folder_that_is_no_model_is_named(tmp_path, tiny_model):
    with pytest.raises(FileNotFoundError, match="config.json"):
        Chex.load(tmp_path)
    tiny_model.save(tmp_path)
    content = json.loads((tmp_path / "config.json").read_text())
    content["architecture"]["detector"]["layers"] += 1
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"detector\.blocks\.3.* is missing"):
        Chex.load(tmp_path)
    content["architecture"]["detector"] = {"layers": 3, "colour": "red"}
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="colour"):
        Chex.load(tmp_path)
    (tmp_path / "config.json").write_text('{"architectures": ["GPT2"]}')
    with pytest.raises(ValueError, match="architecture and provenance"):
        Chex.load(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json is not valid JSON"):
        Chex.load(tmp_path)
    tiny_model.save(tmp_path)
    (tmp_path / "prompt_tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match=r"prompt_tokenizer\.json is no tokenizer"):
        Chex.load(tmp_path)
    tiny_model.save(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"half a file")
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged"):
        Chex.load(tmp_path)


def test_wrong_image_size_is_refused(tiny_model):
    with pytest.raises(ValueError, match=r"\(B, 128, 128\) expected"):
        tiny_model.encode_images(torch.zeros(1, 64, 64, dtype=torch.uint8))


def test_frozen_layers_of_the_image_encoder(tiny_model_dir):
    model = Chex.load(tiny_model_dir)
    model.image_encoder.freeze(2)
    learning = {
        name.split(".")[1] for name, p in model.image_encoder.named_parameters() if p.requires_grad and "blocks" in name
    }
    assert learning == {"2", "3"}
    assert model.image_encoder.projection.requires_grad
