"""The contrasts, distances and the generation loss against the plain loops that their formulas are."""

from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from chex.losses.alignment import alignment_loss, identity_loss
from chex.losses.classification import balanced_classes, pathology_class_loss, probability_loss, region_class_loss
from chex.losses.contrastive import clip_loss, sentence_loss
from chex.losses.distance import squared_distance
from chex.losses.generation import generation_loss
from tests.chex.losses.loops import EXAMPLES, about, cosine, few, flags, gaussian, mean, seeds, surprise


@EXAMPLES
@given(few, st.integers(1, 5), seeds)
def test_pathology_classes(tokens_count, findings, seed):
    generator = np.random.default_rng(seed)
    tokens, positive, negative = (gaussian(generator, n, 6) for n in (tokens_count, findings, findings))
    own = torch.from_numpy(generator.integers(0, findings, tokens_count))
    values = torch.from_numpy(generator.integers(-1, 2, tokens_count))
    losses = []
    for token, finding, value in zip(tokens, own.tolist(), values.tolist()):
        logits = [cosine(token, prompt) / 0.2 for prompt in (*positive, *negative)]
        if value >= 0:
            losses.append(surprise(logits, finding if value == 1 else findings + finding))
    assert pathology_class_loss(tokens, own, values, positive, negative).item() == about(mean(losses))


@EXAMPLES
@given(few, st.integers(1, 5), seeds)
def test_region_classes(regions, findings, seed):
    generator = np.random.default_rng(seed)
    tokens, positive, negative = (gaussian(generator, n, 6) for n in (regions, findings, findings))
    labels, classes = flags(generator, regions, findings), flags(generator, findings).nonzero().squeeze(1)
    losses = []
    for token, present in zip(tokens, labels.tolist()):
        if not len(classes):
            continue
        logits = [cosine(token, side[c]) / 0.25 for side in (positive, negative) for c in classes]
        there = [surprise(logits, i) for i, c in enumerate(classes) if present[c]]
        absent = [surprise(logits, len(classes) + i) for i, c in enumerate(classes) if not present[c]]
        losses.append(mean([mean(kind) for kind in (there, absent) if kind]))
    assert region_class_loss(tokens, labels, positive, negative, classes).item() == about(mean(losses))


@EXAMPLES
@given(few, st.integers(1, 4), seeds)
def test_probabilities(regions, findings, seed):
    generator = np.random.default_rng(seed)
    tokens, positive, negative = (gaussian(generator, n, 6) for n in (regions, findings, findings))
    labels = torch.from_numpy(generator.integers(-1, 2, (regions, findings)))
    there, absent = int((labels == 1).sum()), int((labels == 0).sum())
    weight = min(max(absent / max(there, 1), 1.0), 5.0)
    losses = []
    for p, c in (labels >= 0).nonzero().tolist():
        logit = (cosine(tokens[p], positive[c]) - cosine(tokens[p], negative[c])) / 0.5
        probability = 1 / (1 + math.exp(-logit))
        losses.append(-weight * math.log(probability) if labels[p, c] == 1 else -math.log(1 - probability))
    loss = probability_loss(tokens, labels, positive, negative, temperature=0.5)
    assert loss.item() == about(mean(losses))


@EXAMPLES
@given(few, seeds)
def test_images_and_reports_and_two_views_of_texts(count, seed):
    generator = np.random.default_rng(seed)
    a, b = gaussian(generator, count, 6), gaussian(generator, count, 6)
    there = [surprise([cosine(x, y) / 0.2 for y in b], i) for i, x in enumerate(a)]
    back = [surprise([cosine(x, y) / 0.2 for x in a], i) for i, y in enumerate(b)]
    assert clip_loss(a, b).item() == about(mean(there) + mean(back))
    assert identity_loss(a, b, temperature=0.2).item() == about(mean(there))


@EXAMPLES
@given(few, st.integers(1, 3), seeds)
def test_sentences(images, most, seed):
    generator = np.random.default_rng(seed)
    tokens, sentences = (gaussian(generator, images, most, 6) for _ in range(2))
    mask = flags(generator, images, most)
    said = mask.nonzero().tolist()
    meaning = generator.integers(0, 3, len(said))
    same = torch.from_numpy(meaning[:, None] == meaning[None])
    losses = [[] for _ in range(images)]
    for i, (b, s) in enumerate(said):
        rivals = [j for j in range(len(said)) if j == i or meaning[j] != meaning[i]]
        logits = [cosine(tokens[b, s], sentences[tuple(said[j])]) / 0.25 for j in rivals]
        losses[b].append(surprise(logits, rivals.index(i)))
    assert sentence_loss(tokens, sentences, mask, same).item() == about(mean([mean(row) for row in losses if row]))


@EXAMPLES
@given(few, st.integers(1, 4), seeds)
def test_alignment(sentences, images, seed):
    generator = np.random.default_rng(seed)
    similarity = torch.from_numpy(generator.uniform(-1, 1, (sentences, images)).astype(np.float32))
    fits = flags(generator, sentences, images)

    def one_way(rows: np.ndarray, right: np.ndarray) -> float:
        losses = [[surprise(row, i) for i in np.flatnonzero(hits)] for row, hits in zip(rows.tolist(), right)]
        return mean([mean(some) for some in losses if some])

    logits, hits = similarity.double().numpy() / 0.1, fits.numpy()
    assert alignment_loss(similarity, fits).item() == about(one_way(logits, hits) + one_way(logits.T, hits.T))


@EXAMPLES
@given(few, st.integers(1, 3), seeds)
def test_squared_distance(images, prompts, seed):
    generator = np.random.default_rng(seed)
    a, b = (gaussian(generator, images, prompts, 5) for _ in range(2))
    mask = flags(generator, images, prompts)
    distances = [[] for _ in range(images)]
    for i, q in mask.nonzero().tolist():
        distances[i].append(sum((x - y) ** 2 for x, y in zip(a[i, q].tolist(), b[i, q].tolist())))
    assert squared_distance(a, b, mask).item() == about(mean([mean(row) for row in distances]))


@EXAMPLES
@given(st.integers(0, 3), seeds)
def test_generation(sentences, seed):
    generator = np.random.default_rng(seed)
    lengths = torch.from_numpy(generator.integers(2, 6, sentences))
    words = max(lengths.tolist(), default=2)
    logits, ids = gaussian(generator, sentences, words, 7), generator.integers(0, 7, (sentences, words))
    counted = [(n, t) for n in range(sentences) for t in range(lengths[n] - 1)]
    losses = [surprise(logits[n, t].tolist(), ids[n, t + 1]) for n, t in counted]
    ids = torch.from_numpy(ids)
    assert generation_loss(logits, ids, lengths).item() == about(mean(losses))


@EXAMPLES
@given(st.integers(1, 4), st.integers(1, 12), st.integers(1, 12), seeds)
def test_sampled_classes(regions, findings, wanted, seed):
    labels = torch.from_numpy(np.random.default_rng(seed).random((regions, findings)) < 0.15)
    drawn = balanced_classes(labels, wanted, torch.Generator().manual_seed(seed)).tolist()
    assert drawn == sorted(set(drawn)) and len(drawn) == min(wanted, findings)
    assert all(0 <= finding < findings for finding in drawn)
    present = set(labels.any(dim=0).nonzero().flatten().tolist())
    assert len(present & set(drawn)) >= min(len(present), wanted // 2)
