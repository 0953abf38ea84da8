"""A new model starts from CLIP's towers and a GPT-2: the same answers as the libraries', and sizes checked at once."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest
import torch
from transformers import CLIPConfig, CLIPModel, GPT2Config, GPT2LMHeadModel

from chex.model import pretrained
from chex.model.official import DoesNotFit
from chex.model.pretrained import PretrainedParts, read_parts
from chex.model_config import ModelConfig, PromptEncoderConfig, base, tiny
from tests.chex.model.official import made_checkpoint as made

WIDTH, OUT = 128, 48
TOKENIZER = made.tokenizer(300)
WORDS = len(TOKENIZER)


def small(**generator) -> ModelConfig:
    """The base preset's kind of model in the size of the parts below."""
    preset = base()
    clip = {"width": WIDTH, "heads": 2, "layers": 2, "embedding": OUT}
    return dataclasses.replace(
        preset,
        image_encoder=dataclasses.replace(preset.image_encoder, image_size=48, patch_size=16, **clip),
        prompt_encoder=dataclasses.replace(preset.prompt_encoder, vocabulary_size=WORDS, **clip),
        generator=dataclasses.replace(
            preset.generator, **({"vocabulary_size": 512, "layers": 2, "width": 64, "heads": 4, "positions": 160} | generator)
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def library_clip() -> CLIPModel:
    torch.manual_seed(0)
    tower = {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2,
             "hidden_act": "quick_gelu", "projection_dim": OUT}  # fmt: skip
    config = CLIPConfig(
        text_config={**tower, "vocab_size": WORDS, "max_position_embeddings": 77, "eos_token_id": TOKENIZER.end_id},
        vision_config={**tower, "image_size": 48, "patch_size": 16}, projection_dim=OUT,
    )  # fmt: skip
    return CLIPModel(config).eval()


def in_openais_layout(theirs: CLIPModel) -> dict[str, torch.Tensor]:
    state = theirs.state_dict()
    found = {
        "visual.class_embedding": state["vision_model.embeddings.class_embedding"],
        "visual.conv1.weight": state["vision_model.embeddings.patch_embedding.weight"],
        "visual.positional_embedding": state["vision_model.embeddings.position_embedding.weight"],
        "visual.proj": state["visual_projection.weight"].T.contiguous(),
        "positional_embedding": state["text_model.embeddings.position_embedding.weight"],
        "token_embedding.weight": state["text_model.embeddings.token_embedding.weight"],
        "text_projection": state["text_projection.weight"].T.contiguous(),
        "logit_scale": state["logit_scale"],
    }
    norms = {"visual.ln_pre": "vision_model.pre_layrnorm", "visual.ln_post": "vision_model.post_layernorm",
             "ln_final": "text_model.final_layer_norm"}  # fmt: skip
    for tower, prefix in (("vision_model", "visual."), ("text_model", "")):
        for n in range(2):
            ours, layer = f"{prefix}transformer.resblocks.{n}", f"{tower}.encoder.layers.{n}"
            for kind in ("weight", "bias"):
                found[f"{ours}.attn.in_proj_{kind}"] = torch.cat(
                    [state[f"{layer}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
                )
            norms |= {f"{ours}.attn.out_proj": f"{layer}.self_attn.out_proj", f"{ours}.ln_1": f"{layer}.layer_norm1",
                      f"{ours}.ln_2": f"{layer}.layer_norm2", f"{ours}.mlp.c_fc": f"{layer}.mlp.fc1",
                      f"{ours}.mlp.c_proj": f"{layer}.mlp.fc2"}  # fmt: skip
    for ours, layer in norms.items():
        found |= {f"{ours}.{kind}": state[f"{layer}.{kind}"] for kind in ("weight", "bias")}
    return found


@pytest.fixture(scope="module")
def clip_file(library_clip, tmp_path_factory):
    file = tmp_path_factory.mktemp("clip") / "chexzero.pt"
    torch.save(in_openais_layout(library_clip), file)
    return str(file)


@pytest.fixture(autouse=True)
def small_vocabulary(monkeypatch):
    """CLIP's own has 49408 entries, which every made-up tower would need a row for."""
    monkeypatch.setattr(pretrained, "clip_tokenizer", lambda source: TOKENIZER)


@pytest.fixture(scope="module")
def gpt2(shared, tmp_path_factory) -> tuple[GPT2LMHeadModel, str]:
    """A GPT-2 that its library saved, beside the recorded tokenizer."""
    folder = tmp_path_factory.mktemp("gpt2")
    source = shared / "parity" / "dev" / "gpt2_tiny"
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"):
        shutil.copy(source / name, folder / name)
    torch.manual_seed(1)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=512, n_positions=160, n_embd=64, n_layer=2, n_head=4)).eval()
    model.save_pretrained(folder)
    return model, str(folder)


def test_clips_towers_answer_as_the_librarys(library_clip, clip_file):
    read = read_parts(PretrainedParts(clip=clip_file), small())
    images = torch.randn(2, 48, 48)
    ids, lengths = read.prompt_tokenizer.encode(["Pleural effusion", "No"], context=77)
    with torch.no_grad():
        theirs = library_clip.vision_model(images[:, None].expand(-1, 3, -1, -1)).last_hidden_state
        theirs = library_clip.visual_projection(library_clip.vision_model.post_layernorm(theirs))
        texts = library_clip.get_text_features(input_ids=ids)
        texts = texts if isinstance(texts, torch.Tensor) else texts.pooler_output
        found = read.towers["image_encoder"].eval()(images)
        described = read.towers["prompt_encoder"].eval()(ids, lengths)
    assert torch.allclose(found.pooled, theirs[:, 0], atol=2e-5)
    assert torch.allclose(found.patches, theirs[:, 1:], atol=2e-5)
    assert torch.allclose(described, texts, atol=2e-5)
    assert read.language_model is None and read.sentence_tokenizer is None


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model_state_dict", "model"])
def test_half_precision_and_wrapped_weights_are_clip_too(clip_file, tmp_path, wrapper):
    halves = {name: weight.half() for name, weight in torch.load(clip_file, weights_only=True).items()}
    torch.save(halves if wrapper is None else {wrapper: halves, "epoch": 3}, tmp_path / "clip.pt")
    read = read_parts(PretrainedParts(clip=str(tmp_path / "clip.pt")), small())
    weight = read.towers["prompt_encoder"].projection
    assert weight.dtype == torch.float32 and torch.equal(weight, halves["text_projection"].float())


@pytest.mark.parametrize("form", ["safetensors", "bin", "bare"])
def test_gpt2_answers_as_the_librarys(gpt2, tmp_path, form):
    theirs, folder = gpt2
    if form != "safetensors":
        shutil.copytree(folder, tmp_path / "gpt2")
        folder = str(tmp_path / "gpt2")
        (tmp_path / "gpt2" / "model.safetensors").unlink()
        state = theirs.state_dict() if form == "bin" else theirs.transformer.state_dict()
        prefix = "transformer." if form == "bin" else ""
        constants = {f"{prefix}h.0.attn.bias": torch.ones(1, 1, 160, 160).tril(), f"{prefix}h.0.attn.masked_bias": torch.tensor(-1e4)}  # fmt: skip
        torch.save({**state, **constants}, tmp_path / "gpt2" / "pytorch_model.bin")
    read = read_parts(PretrainedParts(language_model=folder), small())
    ids, _ = read.sentence_tokenizer.encode(["The lungs are clear.", "Heart size is normal."], context=160)
    no_prefix = torch.zeros(2, 2, 2, 4, 0, 16)
    with torch.no_grad():
        difference = read.language_model.eval()(ids, no_prefix) - theirs(ids).logits
    assert difference.abs().max() < 1e-5


def test_every_size_that_differs_is_told_at_once(clip_file, gpt2):
    wanted = dataclasses.replace(
        small(layers=3, heads=2), prompt_encoder=PromptEncoderConfig(vocabulary_size=400, embedding=OUT)
    )
    with pytest.raises(DoesNotFit) as caught:
        read_parts(PretrainedParts(clip_file, gpt2[1]), wanted)
    told = str(caught.value)
    for expected in (
        "the language model's layers is 2, the preset has 3", "the language model's heads is 4, the preset has 2",
        "CLIP's prompt_encoder heads is 2, the preset has 4", f"CLIP's prompt_encoder vocabulary_size is {WORDS}",
        "CLIP's prompt_encoder activation is 'quick_gelu', the preset has 'gelu'", f"CLIP's tokenizer has {WORDS} tokens",
    ):  # fmt: skip
        assert expected in told
    with pytest.raises(DoesNotFit, match="CLIP's image_encoder stem is 'patch', the preset has 'convolutional'"):
        read_parts(PretrainedParts(clip=clip_file), tiny())


def test_other_files_are_named(clip_file, gpt2, tmp_path, tiny_model_dir):
    state = torch.load(clip_file, weights_only=True)
    file = tmp_path / "clip.pt"
    for content, told in (
        ({"weight": torch.zeros(1)}, "is no CLIP in OpenAI's layout: .* found 'weight'"),
        ([1], "found list"),
        (state | {"visual.extra": torch.zeros(1)}, "visual.extra is unknown"),
        ({n: w for n, w in state.items() if n != "visual.proj"}, "image_encoder embedding is 1, the preset has 48"),
        ({n: w for n, w in state.items() if n != "ln_final.bias"}, "nothing for prompt_encoder.norm_after.bias"),
        (state | {"ln_final.bias": torch.full((WIDTH,), torch.inf)}, "ln_final.bias holds values that are not finite"),
    ):  # fmt: skip
        torch.save(content, file)
        with pytest.raises(ValueError, match=told):
            read_parts(PretrainedParts(clip=str(file)), small())
    with pytest.raises(ValueError, match="is a safetensors file"):
        read_parts(PretrainedParts(clip=str(tiny_model_dir / "model.safetensors")), small())
    with pytest.raises(FileNotFoundError, match="holds no weights"):
        shutil.copy(f"{gpt2[1]}/config.json", tmp_path / "config.json")
        read_parts(PretrainedParts(language_model=str(tmp_path)), small())
    shutil.copy(tiny_model_dir / "model.safetensors", tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="does not hold a GPT-2's weights"):
        read_parts(PretrainedParts(language_model=str(tmp_path)), small())


def test_an_untied_language_model_is_refused(gpt2, tmp_path):
    state = dict(gpt2[0].state_dict())
    state["lm_head.weight"] = state["lm_head.weight"] + 1
    torch.save(state, tmp_path / "pytorch_model.bin")
    (tmp_path / "config.json").write_text(json.dumps(gpt2[0].config.to_dict()))
    with pytest.raises(ValueError, match="differs from the word embeddings"):
        read_parts(PretrainedParts(language_model=str(tmp_path)), small())


def test_provenance_names_parts_without_their_folders(clip_file):
    parts = PretrainedParts(clip=clip_file, language_model="healx/gpt-2-pubmed-medium")
    assert parts.names == {"clip": "chexzero.pt", "language_model": "healx/gpt-2-pubmed-medium"}


def test_made_up_layout_and_the_librarys_agree(library_clip):
    """The layout that the made-up checkpoints are written in is the one the library's weights turn into."""
    ours = made.clip_image(WIDTH, OUT, 16, 3, 2)
    theirs = {
        n.removeprefix("visual."): tuple(w.shape) for n, w in in_openais_layout(library_clip).items() if "visual" in n
    }
    assert ours == theirs
