from __future__ import annotations

import dataclasses

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from chex.model.language_model import LanguageModel
from chex.model.sentence_generator import SentenceGenerator
from chex.model_config import GeneratorConfig

CONFIG = GeneratorConfig(vocabulary_size=60, layers=2, width=32, heads=4, positions=40, max_tokens=20, dropout=0.0)


def copied_from_transformers(theirs: GPT2LMHeadModel, config: GeneratorConfig = CONFIG) -> LanguageModel:
    """Our GPT-2 with the weights of the library's: the independent reference."""
    ours = LanguageModel(config).eval()
    state = {
        "token_embedding.weight": theirs.transformer.wte.weight,
        "positional_embedding.weight": theirs.transformer.wpe.weight,
        "norm.weight": theirs.transformer.ln_f.weight,
        "norm.bias": theirs.transformer.ln_f.bias,
    }
    for i, block in enumerate(theirs.transformer.h):
        for name, norm in (("norm_attention", block.ln_1), ("norm_feed_forward", block.ln_2)):
            state |= {f"blocks.{i}.{name}.weight": norm.weight, f"blocks.{i}.{name}.bias": norm.bias}
        linears = {"to_query_key_value": block.attn.c_attn, "to_output": block.attn.c_proj,
                   "expand": block.mlp.c_fc, "contract": block.mlp.c_proj}  # fmt: skip
        for name, linear in linears.items():
            state |= {f"blocks.{i}.{name}.weight": linear.weight.T, f"blocks.{i}.{name}.bias": linear.bias}
    ours.load_state_dict(state)
    return ours


def test_language_model_equals_the_librarys():
    torch.manual_seed(0)
    theirs = GPT2LMHeadModel(GPT2Config(vocab_size=60, n_positions=40, n_embd=32, n_layer=2, n_head=4)).eval()
    ids = torch.randint(0, 60, (3, 11))
    no_prefix = torch.zeros(2, 2, 3, 4, 0, 8)
    with torch.no_grad():
        difference = copied_from_transformers(theirs)(ids, no_prefix) - theirs(ids).logits
    assert difference.abs().max() < 1e-5


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("dropout", "resid_pdrop"), ("embedding_dropout", "embd_pdrop"), ("attention_dropout", "attn_pdrop")],
)
def test_training_drops_out_where_the_library_does(ours, theirs):
    torch.manual_seed(0)
    none = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    settings = GPT2Config(
        vocab_size=60, n_positions=40, n_embd=32, n_layer=2, n_head=4, attn_implementation="eager",
        **none | {theirs: 0.3},
    )  # fmt: skip
    library = GPT2LMHeadModel(settings)
    model = copied_from_transformers(library, dataclasses.replace(CONFIG, **{ours: 0.3}))
    ids = torch.randint(0, 60, (3, 11))
    no_prefix = torch.zeros(2, 2, 3, 4, 0, 8)

    def logits(training: bool) -> tuple[torch.Tensor, torch.Tensor]:
        said = []
        for part, call in ((model, lambda: model(ids, no_prefix)), (library, lambda: library(ids).logits)):
            torch.manual_seed(1)
            part.train(training)
            with torch.no_grad():
                said.append(call())
        return tuple(said)

    torch.testing.assert_close(*logits(training=True), atol=1e-5, rtol=0)
    torch.testing.assert_close(*logits(training=False), atol=1e-5, rtol=0)
    assert not torch.allclose(logits(training=True)[0], logits(training=False)[0])


@pytest.fixture(scope="module")
def generator() -> SentenceGenerator:
    torch.manual_seed(3)
    made = SentenceGenerator(CONFIG, width=16).eval()
    for parameter in made.language_model.parameters():
        parameter.data *= 6  # so that different tokens say different things
    return made


def greedy_by_full_forward(generator: SentenceGenerator, token: torch.Tensor) -> list[int]:
    """The definition of greedy decoding: no cache, one sentence at a time."""
    ids = [0]
    with torch.no_grad():
        while len(ids) <= CONFIG.max_tokens:
            word = int(generator(token[None], torch.tensor([ids]))[0, -1].argmax())
            if word == 1:
                break
            ids.append(word)
    return ids[1:]


def test_cached_decoding_with_leaving_sentences_is_greedy_decoding(generator):
    tokens = torch.randn(24, 16, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        # an end token that some sentences reach early and some late
        generator.language_model.token_embedding.weight[1] = generator.language_model.token_embedding.weight[7] * 1.02
    expected = [greedy_by_full_forward(generator, token) for token in tokens]
    assert len({len(sentence) for sentence in expected}) > 1
    assert generator.generate(tokens, 0, 1) == expected


@pytest.mark.parametrize("steps", [3, 50])
def test_looking_rarely_for_finished_sentences_changes_none(generator, monkeypatch, steps):
    """As on a GPU, where each look makes it wait."""
    tokens = torch.randn(24, 16, generator=torch.Generator().manual_seed(5))
    expected = generator.generate(tokens, 0, 1)
    monkeypatch.setattr("chex.model.sentence_generator.STEPS_BETWEEN_LOOKS", {"cpu": steps})
    assert generator.generate(tokens, 0, 1) == expected


def test_memory_of_a_sentence(generator):
    # keys and values, 2 layers of width 32, 5 virtual tokens and 20 words, 4 bytes
    assert generator.most_bytes_per_sentence() == 2 * 2 * 32 * 25 * 4


def test_no_regions_no_sentences(generator):
    assert generator.generate(torch.zeros(0, 16), 0, 1) == []


def test_too_many_words_are_refused(generator):
    with pytest.raises(ValueError, match="at most 40 tokens"):
        generator(torch.zeros(1, 16), torch.zeros(1, 41, dtype=torch.long))


def test_prefix_depends_on_the_token_and_reaches_every_layer(generator):
    prefix = generator.prefix(torch.randn(2, 16))
    assert prefix.shape == (2, 2, 2, 4, 5, 8)
    assert (prefix[:, :, 0] - prefix[:, :, 1]).abs().amax(dim=(1, 2, 3, 4)).min() > 0


def test_recomputed_activations_give_the_same_gradients_for_less_memory():
    torch.manual_seed(0)
    dropouts = {"dropout": 0.2, "embedding_dropout": 0.2, "attention_dropout": 0.2}
    generator = SentenceGenerator(dataclasses.replace(CONFIG, **dropouts), 16).train()
    ids, tokens = torch.randint(0, 60, (3, 12)), torch.rand(3, 16)

    def learned() -> tuple[list[torch.Tensor], int]:
        kept: dict[int, int] = {}  # bytes of what waits for backward

        def keep(saved: torch.Tensor) -> torch.Tensor:
            kept[saved.data_ptr()] = saved.nbytes
            return saved

        generator.zero_grad()
        torch.manual_seed(0)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda saved: saved):
            loss = generator(tokens, ids).logsumexp(dim=-1).mean()
        loss.backward()
        return [parameter.grad.clone() for parameter in generator.parameters()], sum(kept.values())

    plain, plain_bytes = learned()
    generator.language_model.recomputes = True
    recomputed, kept_bytes = learned()
    for one, other in zip(plain, recomputed, strict=True):
        torch.testing.assert_close(one, other)
    assert kept_bytes < 0.5 * plain_bytes
