"""What becomes of each image of a batch, without a model."""

from __future__ import annotations

import errno

import pytest

from jobs.routing.queue import Queue
from jobs.routing.reporter import NotReported, Unusable
from jobs.routing.worker import in_work, note_work, report_on


@pytest.fixture
def queue(tmp_path):
    return Queue(tmp_path / "queue", keep_free=0)


def arrive(queue: Queue, content: bytes) -> str:
    file = queue.incoming / "arriving"
    file.write_bytes(content)
    return queue.accept(file, "1.2.3")[0]


def reporter(files) -> list:
    """What a file says it is; one that is poison spoils the whole batch."""
    contents = [file.read_bytes() for file in files]
    if b"poison" in contents:
        raise RuntimeError("out of memory")
    kinds = {b"a hand": NotReported("a hand"), b"broken": Unusable("decode", "broken")}
    return [kinds.get(content, b"report of " + content) for content in contents]


def test_each_image_goes_where_it_belongs(queue):
    keys = [arrive(queue, content) for content in (b"a chest", b"a hand", b"broken", b"another chest")]
    report_on(queue, reporter, keys)
    assert queue.waiting() == [] and set(queue.outgoing()) == {keys[0], keys[3]}
    assert queue.report(keys[3]) == b"report of another chest"
    assert queue.counts().not_reported == {"a hand": 1} and queue.counts().quarantined == {"decode: broken": 1}


def test_one_that_spoils_the_batch_is_found_and_put_aside(queue, caplog):
    keys = [arrive(queue, content) for content in (b"a chest", b"poison", b"another chest")]
    report_on(queue, reporter, keys)
    assert set(queue.outgoing()) == {keys[0], keys[2]}
    assert queue.counts().quarantined == {"report: unforeseen fault (RuntimeError)": 1}
    assert "RuntimeError" in caplog.text and "test_worker.py" in caplog.text
    assert "out of memory" not in caplog.text, "what a fault says may quote a header"


def test_a_full_disk_is_no_images_fault(queue, monkeypatch):
    keys = [arrive(queue, content) for content in (b"a chest", b"another chest")]

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Queue, "_write", full)
        with pytest.raises(OSError, match="No space"):
            report_on(queue, reporter, keys)
    assert queue.waiting() == keys
    report_on(queue, reporter, keys)
    assert queue.outgoing() == keys and not queue.counts().quarantined


def test_what_a_worker_was_at_is_known_afterwards(tmp_path):
    assert in_work(tmp_path) == []
    note_work(tmp_path, ["a", "b"])
    assert in_work(tmp_path) == ["a", "b"]
    (tmp_path / "in-work.json").write_text('["a", ')
    assert in_work(tmp_path) == []
