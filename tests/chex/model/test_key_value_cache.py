"""The cache against plain concatenation."""

from __future__ import annotations

import torch

from chex.model.key_value_cache import KeyValueCache

LAYERS, ROWS, HEADS, PREFIX, WIDTH = 2, 7, 3, 4, 5


def test_words_are_appended_and_sentences_leave_as_if_all_was_put_together_anew():
    drawn = torch.Generator().manual_seed(0)
    prefix = torch.randn(LAYERS, 2, ROWS, HEADS, PREFIX, WIDTH, generator=drawn)
    cache, plain, owners = KeyValueCache(prefix), list(prefix), torch.arange(ROWS)
    leaving = {3: [0, 6], 20: [1], 21: [2, 3], 40: [5]}
    for step in range(60):
        for layer in range(LAYERS):
            word = torch.randn(2, ROWS, HEADS, 1, WIDTH, generator=drawn)[:, owners]
            kept = plain[layer][:, owners]
            plain[layer] = torch.zeros(2, ROWS, HEADS, PREFIX + step + 1, WIDTH)
            plain[layer][:, owners] = torch.cat([kept, word], dim=3)
            key, value = cache.append(layer, *word)
            assert torch.equal(torch.stack([key, value]), plain[layer][:, owners])
        assert cache.length == PREFIX + step + 1
        if step in leaving:
            going_on = torch.tensor([int(owner) not in leaving[step] for owner in owners])
            owners = owners[cache.keep(going_on)]
            assert len(owners) == cache.rows == going_on.sum()
    assert owners.tolist() == [4]


def test_those_that_stay_keep_their_places_and_the_last_fill_the_gaps():
    cache = KeyValueCache(torch.zeros(1, 2, 6, 1, 1, 1))
    assert cache.keep(torch.tensor([True, False, True, True, False, True])).tolist() == [0, 5, 2, 3]
    assert cache.keep(torch.zeros(4, dtype=torch.bool)).tolist() == []
