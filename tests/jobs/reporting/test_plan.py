"""Which images are new, and which part each is in: sorted on a disk, read part by part."""

from __future__ import annotations

import random
import tracemalloc

import pyarrow.ipc
import pytest

from jobs.reporting import distinct_uris
from jobs.reporting.distinct_uris import new_uris
from jobs.reporting.plan import add_to_plan, planned_uris, read_plan, uris_of_part
from pipelines.output_folder import OutputFolder

NOTHING = ((), 0, 0)


@pytest.fixture(params=["disk", "store"])
def output(request, tmp_path):
    return OutputFolder(str(tmp_path) if request.param == "disk" else f"memory://plan-{tmp_path.name}")


def test_images_that_come_later_make_parts_of_their_own(output):
    empty = read_plan(output)
    assert (empty.starts, empty.parts, empty.images) == NOTHING
    plan = add_to_plan(output, empty, (f"/archive/{number:02}" for number in range(7)), 3)
    assert plan == read_plan(output) and (plan.starts, plan.parts, plan.images) == ((0,), 3, 7)
    assert add_to_plan(output, plan, iter(()), 3) == plan
    plan = add_to_plan(output, plan, ["/archive/later", "/archive/sooner"], 1)
    assert plan == read_plan(output) and (plan.starts, plan.parts, plan.images) == ((0, 3), 5, 9)
    assert uris_of_part(output, plan, 2) == ["/archive/06"] and uris_of_part(output, plan, 4) == ["/archive/sooner"]
    assert len(list(planned_uris(output, plan))) == 9


def test_new_uris_are_sorted_and_each_once():
    found, known = [*"zöab", "a", "\U0001f600", "é", "b"], ["b", "elsewhere"]
    with new_uris(found, known) as uris:
        assert list(uris) == sorted({"z", "ö", "a", "\U0001f600", "é"})
    with new_uris([], known) as uris:
        assert list(uris) == []


def test_many_names_are_not_held_in_memory(tmp_path, monkeypatch):
    """The peak of Python's own memory does not follow the number of names; SQLite's has a limit of its own."""
    monkeypatch.setattr(distinct_uris, "_AT_ONCE", 1000)
    peaks = []
    for count in (10_000, 60_000):
        tracemalloc.start()
        names = (f"/archive/{random.Random(number).getrandbits(64):016x}/{number}.dcm" for number in range(count))
        with new_uris(names, ()) as uris:
            plan = add_to_plan(
                OutputFolder(str(tmp_path / str(count))), read_plan(OutputFolder(str(tmp_path))), uris, 128
            )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert plan.images == count
    assert peaks[1] < 1.2 * peaks[0]


def test_a_worker_reads_its_own_part_alone(output, monkeypatch):
    plan = add_to_plan(output, read_plan(output), (f"/archive/{number:04}" for number in range(100)), 10)
    read, get = [], pyarrow.ipc.RecordBatchFileReader.get_batch

    def counted(reader, index):
        read.append(index)
        return get(reader, index)

    monkeypatch.setattr(pyarrow.ipc.RecordBatchFileReader, "get_batch", counted)
    assert uris_of_part(output, plan, 7)[0] == "/archive/0070" and read == [7]
