"""Batches: decoded, augmented, in a fixed order, the same from this process and from Ray Data."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from chex.pixels import decode_stored
from chex.records import Annotations, Sample, Study
from chex.training_config import AugmentationConfig, DataConfig
from pipelines.batches import training_batches, validation_batches
from pipelines.rows.packing import pack, unpack
from tests.pipelines.small_shards import made_up_sample, write_shards

DATA = DataConfig(batch_size=6, image_size=32, shuffle_buffer=16)


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    counts = {("words", "train"): 20, ("boxes", "train"): 9, ("boxes", "validate"): 7}
    return write_shards(tmp_path_factory.mktemp("shards"), counts)


def ids(batches):
    return [[sample.study.sample_id for sample in batch["samples"]] for batch in batches]


def names(batches):
    return [name for batch in ids(batches) for name in batch]


def same(left, right):
    left, right = list(left), list(right)
    assert ids(left) == ids(right)
    for one, other in zip(left, right, strict=True):
        assert one["samples"] == other["samples"]
        np.testing.assert_array_equal(one["images"], other["images"])


def test_packing_keeps_everything_but_the_image():
    for sample in (
        made_up_sample("words", "train", 3),
        Sample(Study("d", "test", "p", "s", "i", "u"), Annotations(), b"x", 1, 2, 3, 4),
    ):
        assert unpack(pack(sample)) == replace(sample, image=b"")


def test_without_augmentation_images_and_samples_are_as_stored(uri):
    batches = list(validation_batches(uri, data=DATA))
    assert [len(batch["samples"]) for batch in batches] == [6, 1]
    assert batches[0]["images"].shape == (6, 32, 32) and batches[0]["images"].dtype == np.uint8
    for number, sample in enumerate(sample for batch in batches for sample in batch["samples"]):
        stored = made_up_sample("boxes", "validate", number)
        assert sample == replace(stored, image=b"")
        np.testing.assert_array_equal(batches[number // 6]["images"][number % 6], decode_stored(stored.image))


def test_training_batches_are_full_and_mixed(uri):
    feed = training_batches(uri, data=DATA, augmentation=None, steps=5)
    batches = list(feed)
    assert len(feed) == 5 == len(batches)
    assert all(len(batch["samples"]) == 6 == len(batch["images"]) for batch in batches)
    first_epoch = names(batches)[:29]
    assert len(set(first_epoch)) == 29
    assert [{name.split("/")[0] for name in batch} for batch in ids(batches)].count({"words", "boxes"}) >= 1


def test_a_resumed_run_gets_the_batches_that_are_left(uri):
    arguments = {"data": DATA, "augmentation": AugmentationConfig(), "steps": 7, "seed": 3}
    whole = list(training_batches(uri, **arguments))
    same(training_batches(uri, start_step=4, **arguments), whole[4:])


def test_augmentation_depends_on_sample_and_epoch_not_on_the_batch(uri):
    arguments = {"augmentation": AugmentationConfig(), "seed": 3}
    small = list(training_batches(uri, data=DATA, steps=10, **arguments))
    large = list(training_batches(uri, data=replace(DATA, batch_size=20), steps=3, **arguments))
    joined = [np.concatenate([batch["images"] for batch in batches]) for batches in (small, large)]
    np.testing.assert_array_equal(*joined)
    every = names(small)
    again = [i for i, name in enumerate(every) if name == every[0]]
    assert len(again) == 2 and not np.array_equal(joined[0][again[0]], joined[0][again[1]])


def test_images_follow_their_samples_through_augmentation(uri):
    config = replace(AugmentationConfig(), contrast=(1, 1), brightness=(1, 1), blur=0)
    for batch in training_batches(uri, data=DATA, augmentation=config, steps=5):
        for image, sample in zip(batch["images"], batch["samples"], strict=True):
            for region in sample.annotations.anatomy:
                x_min, y_min, x_max, y_max = (round(32 * edge) for edge in region.box)
                inside = np.zeros((32, 32), bool)
                inside[y_min:y_max, x_min:x_max] = True
                if inside.mean() < 0.8:
                    assert image[inside].mean() > image[~inside].mean()
                side = "left" if "left" in region.region else "right"
                assert side in region.sentences[0]


def test_workers_together_see_an_epoch(uri):
    """29 rows, 9 of them twice, are 38: two workers with 19 batches of one sample each."""
    data = replace(DATA, batch_size=2, oversample={"boxes": 2})
    arguments = {"data": data, "augmentation": AugmentationConfig(), "steps": 19, "seed": 3, "workers": 2}
    shares = [list(training_batches(uri, rank=rank, **arguments)) for rank in (0, 1)]
    assert [len(batch["samples"]) for share in shares for batch in share] == [1] * 38
    seen = Counter(names([*shares[0], *shares[1]]))
    assert len(seen) == 29 and {(name.split("/")[0], times) for name, times in seen.items()} == {
        ("words", 1),
        ("boxes", 2),
    }
    images = {batch["images"].tobytes() for share in shares for batch in share}
    assert len(images) == 38  # a repetition is augmented anew
    for rank, share in enumerate(shares):
        same(training_batches(uri, rank=rank, **arguments), share)
        same(training_batches(uri, rank=rank, start_step=7, **arguments), share[7:])


def test_no_row_is_lost_between_epochs(uri):
    """Batches go on across the end of an epoch: 29 batches of 6 are 6 epochs of 29 rows."""
    assert set(Counter(names(training_batches(uri, data=DATA, augmentation=None, steps=29))).values()) == {6}


def test_workers_have_equal_parts_of_a_batch(uri):
    with pytest.raises(ValueError, match="batch_size: expected a multiple of the 4 workers, found 6"):
        training_batches(uri, data=DATA, augmentation=None, steps=1, workers=4)


def test_words_alone_need_no_images(uri):
    feed = training_batches(uri, data=DATA, augmentation=None, steps=2, images=False, needs=["sentences"])
    for batch in feed:
        assert "images" not in batch
        assert all(sample.annotations.sentences and sample.height == 32 for sample in batch["samples"])


def test_a_missing_split_is_an_error(uri):
    with pytest.raises(FileNotFoundError, match="split test"):
        validation_batches(uri, data=DATA, split="test")


def test_ray_data_gives_the_same_batches(uri, ray_local):
    arguments = {"data": DATA, "augmentation": AugmentationConfig(), "steps": 7, "seed": 3, "start_step": 1}
    feed = training_batches(uri, **arguments)
    same(feed.batches_of(feed.dataset()), feed)
    second = training_batches(uri, rank=1, workers=2, **arguments)
    same(second.batches_of(second.dataset()), second)
    feed = validation_batches(uri, data=DATA)
    same(feed.batches_of(feed.dataset()), feed)


@pytest.mark.parametrize("positions", [[0, 1, 2, 3], [8, 9, 11, 10], [9, 10, 11, 12]])
def test_a_dataset_that_starts_elsewhere_or_lost_its_order_is_refused(uri, positions):
    feed = training_batches(uri, data=replace(DATA, batch_size=4), augmentation=None, steps=5, start_step=2)
    dataset = SimpleNamespace(
        iter_batches=lambda **_: [{"position": np.array(positions), "sample": np.empty(4, object)}]
    )
    with pytest.raises(ValueError, match=r"expected the rows of the run from 8 on, found \[") as caught:
        next(feed.batches_of(dataset))
    assert str(positions)[1:-1] in str(caught.value)
