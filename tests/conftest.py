"""Fixtures every room's tests share: the reference material beside the checkout, and one small Ray."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_DATA_USE_DATASOURCE_V2", "0")
os.environ.setdefault("RAY_AUTH_MODE", "disabled")
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "1")  # some tests start Rays of several nodes


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material beside the checkout (real images, recorded numbers)."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("no reference material: the folder `shared` does not lie beside this checkout")
    return folder


@pytest.fixture(scope="session")
def ray_local():
    """One small Ray for the whole test session, unseen by other Rays of the machine; the jobs under test find it running."""
    import ray

    from jobs.cluster import ray_cluster

    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # sockets lie below it: their paths have to be short
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_TMPDIR", folder)
        environment.delenv("RAY_ADDRESS", raising=False)
        with ray_cluster(cpus=2, object_store_bytes=200 * 2**20):
            yield ray
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def tiny_model():
    """A tiny model with random weights and tokenizers trained on a few sentences."""
    import dataclasses

    import torch

    from chex import Chex, vocabulary
    from chex.model.tokenizer import Tokenizer
    from chex.model_config import tiny

    terms = vocabulary.load()
    texts = [prompt for finding in terms.findings.values() for prompt in (*finding.positive, *finding.negative)]
    prompts, sentences = (Tokenizer.train(texts, 400, lowercase=lowercase) for lowercase in (True, False))
    config = tiny()
    config = dataclasses.replace(
        config,
        prompt_encoder=dataclasses.replace(config.prompt_encoder, vocabulary_size=len(prompts)),
        generator=dataclasses.replace(config.generator, vocabulary_size=len(sentences), max_tokens=12),
    )
    torch.manual_seed(0)
    model = Chex(config, prompt_tokenizer=prompts, sentence_tokenizer=sentences).eval()
    torch.nn.init.constant_(model.post_decoder.gate, 0.5)  # at its initial 0 no test would see the post decoder
    return model


@pytest.fixture(scope="session")
def tiny_model_dir(tiny_model, tmp_path_factory) -> Path:
    """The same model, saved."""
    folder = tmp_path_factory.mktemp("model")
    tiny_model.save(folder)
    return folder
