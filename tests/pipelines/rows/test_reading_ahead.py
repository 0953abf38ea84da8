from __future__ import annotations

import threading

import pytest

from pipelines.rows.reading_ahead import read_ahead


def test_batches_come_in_their_order_and_are_made_before_they_are_asked_for():
    made, third = [], threading.Event()

    def batches():
        for number in range(5):
            made.append(number)
            if number == 2:
                third.set()
            yield number

    ahead = read_ahead(batches(), 2)
    assert next(ahead) == 0
    assert third.wait(10), "two more are made while the first is used"
    assert made == [0, 1, 2], "and no third"
    assert list(ahead) == [1, 2, 3, 4]
    assert list(read_ahead([])) == []


def test_a_fault_comes_in_place_of_its_batch():
    def batches():
        yield 0
        raise ValueError("part-00003.parquet: row 7")

    ahead = read_ahead(batches(), 4)
    assert next(ahead) == 0
    with pytest.raises(ValueError, match="row 7"):
        next(ahead)


def test_who_stops_early_leaves_no_thread_behind():
    closed = threading.Event()

    def batches():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    ahead = read_ahead(batches())
    next(ahead)
    ahead.close()
    del ahead
    assert closed.is_set(), "the source is closed, too"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batches")]
