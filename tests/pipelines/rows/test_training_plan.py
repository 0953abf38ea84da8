"""The training plan: every row as often as it should come, in an order that the seed alone decides."""

from __future__ import annotations

from collections import Counter

import pytest

from pipelines.rows.row_groups import Unit, units_of
from pipelines.rows.training_plan import Piece, Window, stored_windows, training_windows
from tests.pipelines.small_shards import write_shards


def units(counts: dict[str, int], group: int = 10) -> list[Unit]:
    return [
        Unit(
            f"/x/dataset={name}/split=train/a.parquet",
            name,
            "train",
            start // group,
            tuple(range(min(group, n - start))),
        )
        for name, n in counts.items()
        for start in range(0, n, group)
    ]


def rows_of(windows):
    """(dataset, row group, row, copy, epoch) in the order of use."""
    for window in windows:
        every = [
            (piece.unit.dataset, piece.unit.row_group, row, piece.copy, window.epoch)
            for piece in window.pieces
            for row in piece.unit.rows
        ]
        yield from (every[index] for index in window.order())


def test_an_epoch_has_every_row_once_and_the_next_in_another_order():
    rows = list(rows_of(training_windows(units({"a": 95}), rows=190, window_rows=30)))
    assert len(rows) == 190
    first, second = [row[:3] for row in rows[:95]], [row[:3] for row in rows[95:]]
    assert len(set(first)) == 95 == len(set(second)) and first != second and first != sorted(first)
    assert {row[4] for row in rows[:95]} == {0} and {row[4] for row in rows[95:]} == {1}


def test_the_seed_decides_the_order():
    def order(seed):
        return list(rows_of(training_windows(units({"a": 60}), rows=60, seed=seed, window_rows=20)))

    assert order(1) == order(1) != order(2)


@pytest.mark.parametrize("start", [1, 19, 20, 60, 61, 130])
def test_a_run_can_start_anywhere(start):
    whole = list(rows_of(training_windows(units({"a": 43, "b": 17}), rows=140, window_rows=20)))
    rest = list(rows_of(training_windows(units({"a": 43, "b": 17}), rows=140, start=start, window_rows=20)))
    assert rest == whole[start:]


def test_oversampling_repeats_a_dataset():
    rows = list(rows_of(training_windows(units({"a": 40, "b": 10}), rows=70, window_rows=20, oversample={"b": 3})))
    assert Counter(row[0] for row in rows) == {"a": 40, "b": 30}
    assert set(Counter(row[:3] for row in rows if row[0] == "b").values()) == {3}
    assert Counter(row[3] for row in rows if row[0] == "b") == {0: 10, 1: 10, 2: 10}


def test_equal_makes_all_datasets_the_same_size():
    rows = list(rows_of(training_windows(units({"a": 37, "b": 10}), rows=74, window_rows=8, oversample="equal")))
    assert Counter(row[0] for row in rows) == {"a": 37, "b": 37}
    assert set(Counter(row[:3] for row in rows if row[0] == "b").values()) == {3, 4}


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_workers_share_every_epoch_to_a_row(workers):
    """Together they see each row once in an epoch, oversampled ones as often as asked; none of them gets ahead."""
    some = units({"a": 71, "b": 12})
    shares = [
        list(rows_of(training_windows(some, rows=400, rank=rank, workers=workers, window_rows=20, oversample={"b": 2})))
        for rank in range(workers)
    ]
    for epoch in range(400 * workers // 95 - 1):
        parts = [[row for row in share if row[4] == epoch] for share in shares]
        together = Counter(row[:4] for part in parts for row in part)
        assert len(together) == 71 + 2 * 12 and set(together.values()) == {1}
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    every = [sum(row[4] < workers for row in share) for share in shares]
    assert every == [95] * workers  # after as many epochs as workers all of them are equally far


def test_a_single_row_group_is_cut_up_for_many_workers():
    shares = [list(rows_of(training_windows(units({"a": 9}), rows=3, rank=rank, workers=3))) for rank in range(3)]
    assert sorted(row[2] for share in shares for row in share) == list(range(9))


def test_impossible_plans_are_refused():
    with pytest.raises(ValueError, match="2 rows are too few for 3 workers"):
        training_windows(units({"a": 2}), rows=3, workers=3)
    with pytest.raises(ValueError, match="no rows to oversample of c; datasets: a, b"):
        training_windows(units({"a": 2, "b": 2}), rows=3, oversample={"c": 2})


def test_stored_windows_keep_the_order():
    rows = [row[:3] for row in rows_of(stored_windows(units({"a": 23}), 8))]
    assert rows == [("a", row // 10, row % 10) for row in range(23)]
    assert Window((Piece(units({"a": 5})[0]),), skip=2).count == 3


def test_stored_windows_show_something_of_every_dataset_at_once():
    windows = stored_windows(units({"a": 600, "b": 200}, group=64))
    rows = [row[:3] for row in rows_of(windows)]
    assert len(rows) == len(set(rows)) == 800 and max(window.count for window in windows) < 300
    for start in range(0, 800, 160):
        assert 15 <= Counter(row[0] for row in rows[start : start + 160])["b"] <= 65
    assert [row for row in rows if row[0] == "b"] == sorted(row for row in rows if row[0] == "b")


def test_units_come_from_the_shards(tmp_path):
    uri = write_shards(tmp_path, {("words", "train"): 20, ("boxes", "train"): 5, ("boxes", "validate"): 3})
    found = units_of(uri, "train")
    assert Counter((unit.dataset, len(unit.rows)) for unit in found) == {
        ("words", 8): 2,
        ("words", 4): 1,
        ("boxes", 5): 1,
    }
    assert {unit.dataset for unit in units_of(uri, "train", datasets=["boxes"])} == {"boxes"}
    assert {unit.dataset for unit in units_of(uri, "train", needs=["sentences"])} == {"words"}
    assert {unit.dataset for unit in units_of(uri, "train", needs=["sentences", "anatomy"])} == {"words", "boxes"}


def test_no_rows_are_an_error_that_says_what_is_there(tmp_path):
    uri = write_shards(tmp_path, {("boxes", "train"): 3})
    with pytest.raises(ValueError, match="no rows of any dataset with any of sentences in split 'train'.*boxes"):
        units_of(uri, "train", needs=["sentences"])
    with pytest.raises(ValueError, match="no rows of nih in split 'train'"):
        units_of(uri, "train", datasets=["nih"])
    with pytest.raises(FileNotFoundError, match="split test; there are boxes/train"):
        units_of(uri, "test")
    with pytest.raises(ValueError, match="unknown column anatomi; there are sample_id"):
        units_of(uri, "train", needs=["anatomi"])


def test_shards_of_another_version_are_refused(tmp_path):
    uri = write_shards(tmp_path, {("boxes", "train"): 3}, version="0")
    with pytest.raises(ValueError, match="expected schema version 1; found 0"):
        units_of(uri, "train")
