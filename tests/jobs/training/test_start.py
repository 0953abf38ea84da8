"""What a run starts from: pretrained parts and an earlier stage's folder, and what its provenance says of both."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from chex import vocabulary
from chex.config import from_mapping
from chex.model import pretrained
from chex.model.pretrained import PretrainedParts
from chex.model_config import PRESETS, base
from chex.objective_config import ObjectiveConfig
from chex.training_config import DataConfig, TrainingConfig
from jobs import train
from jobs.training.stages import stage_of
from tests.chex.model.official import made_checkpoint as made

WIDTH, OUT = 64, 32
CONFIG = TrainingConfig(stage="detector", data=DataConfig(image_size=32))
TOKENIZER = made.tokenizer(300)


def small():
    preset = base()
    clip = {"width": WIDTH, "heads": 1, "layers": 1, "embedding": OUT}
    return dataclasses.replace(
        preset,
        image_encoder=dataclasses.replace(preset.image_encoder, image_size=32, patch_size=16, **clip),
        prompt_encoder=dataclasses.replace(preset.prompt_encoder, vocabulary_size=len(TOKENIZER), **clip),
        detector=dataclasses.replace(preset.detector, layers=1),
        post_decoder=dataclasses.replace(preset.post_decoder, layers=1),
        generator=dataclasses.replace(
            preset.generator, vocabulary_size=512, layers=2, width=64, heads=4, positions=160, prefix_tokens=1
        ),
    )


@pytest.fixture
def parts(shared, tmp_path, monkeypatch) -> PretrainedParts:
    """CLIP's towers in the size of a preset of its own, and the recorded GPT-2's tokenizer with made-up weights."""
    monkeypatch.setitem(PRESETS, "small", small)
    monkeypatch.setattr(pretrained, "clip_tokenizer", lambda source: TOKENIZER)
    torch.manual_seed(0)
    image = {f"visual.{name}": shape for name, shape in made.clip_image(WIDTH, OUT, 16, 2, 1).items()}
    shapes = image | made.clip_text(WIDTH, OUT, len(TOKENIZER), 1)
    torch.save({name: torch.randn(*shape) for name, shape in shapes.items()}, tmp_path / "clip.pt")
    recorded = shared / "parity" / "dev"
    folder = tmp_path / "gpt2"
    folder.mkdir()
    for file in (recorded / "gpt2_tiny").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    prefix = "txt_decoder.language_model.transformer."
    weights = torch.load(recorded / "chex_stage3_like.pt", weights_only=True)["state_dict"]
    torch.save(
        {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}, folder / "pytorch_model.bin"
    )
    return PretrainedParts(clip=str(tmp_path / "clip.pt"), language_model=str(folder))


def test_a_new_model_has_the_parts_and_tells_where_it_comes_from(parts, tmp_path):
    shards = tmp_path / "shards"
    shards.mkdir()
    rows = {"mimic-cxr": {"train": 30, "validate": 4}, "vindr-cxr": {"train": 12}, "held-out": {"test": 9}}
    (shards / "manifest.json").write_text(json.dumps({"rows": rows, "data_sha256": "abc"}))
    model, _ = stage_of("detector").build(CONFIG, "small", None, str(shards), vocabulary.load(), parts)
    clip = torch.load(parts.clip, weights_only=True)
    assert torch.equal(model.image_encoder.projection, clip["visual.proj"])
    assert torch.equal(model.prompt_encoder.token_embedding.weight, clip["token_embedding.weight"])
    words = torch.load(f"{parts.language_model}/pytorch_model.bin", weights_only=True)
    assert torch.equal(model.generator.language_model.token_embedding.weight, words["wte.weight"])
    assert model.sentence_tokenizer.start_id == model.sentence_tokenizer.end_id == 511
    model.save(tmp_path / "detector")

    later = dataclasses.replace(CONFIG, stage="post-decoder")
    model, _ = stage_of("post-decoder").build(later, "small", tmp_path / "detector", "", vocabulary.load())
    first, second = model.provenance["training"]
    assert first["data"] == {"images": {"mimic-cxr": 30, "vindr-cxr": 12}, "sha256": "abc"}
    assert first["pretrained"] == {"clip": "clip.pt", "language_model": "gpt2"}
    assert (second["stage"], second["data"], "pretrained" in second) == ("post-decoder", None, False)
    assert from_mapping(ObjectiveConfig, first["objective"]) == CONFIG.objective, "what was asked can be asked again"
    model.save(tmp_path / "post-decoder")
    card = (tmp_path / "post-decoder" / "README.md").read_text()
    assert "1. detector" in card and "2. post-decoder" in card and str(tmp_path) not in card
    assert str(tmp_path) not in (tmp_path / "post-decoder" / "config.json").read_text()


def test_the_command_refuses_parts_before_anything_starts(parts, tmp_path, caplog):
    common = ["--stage", "detector", "--data", str(tmp_path), "--output", str(tmp_path / "out"), "--workers", "0"]
    given = ["--clip", parts.clip, "--language-model", parts.language_model]
    assert train.main([*common, "--preset", "base", *given]) == 2
    for told in ("CLIP's image_encoder width is 64, the preset has 768",
                 "the language model's layers is 2, the preset has 24"):  # fmt: skip
        assert told in caplog.text
    assert train.main([*common, *given, "--init", str(tmp_path)]) == 2
    assert "--init: a model folder has all its parts already" in caplog.text
    assert train.main([*common, "--clip-tokenizer", "bpe.txt"]) == 2
    assert "--clip-tokenizer: belongs to --clip" in caplog.text
    assert train.main([*common, "--preset", "base", "--clip", str(tmp_path / "nothing.pt")]) == 2
    assert "nothing.pt does not exist" in caplog.text
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.training").exists()
