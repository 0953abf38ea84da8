"""The queue on its own: what is in it after each step, and after a kill between any two of them."""

from __future__ import annotations

import os

import pytest

from jobs.routing import queue as queue_module
from jobs.routing.queue import Queue, QueueFull


@pytest.fixture
def queue(tmp_path):
    return Queue(tmp_path / "queue", keep_free=0)


def arrive(queue: Queue, content: bytes = b"an image", instance: str = "1.2.3") -> str:
    file = queue.incoming / "arriving"
    file.write_bytes(content)
    key, _ = queue.accept(file, instance)
    file.unlink(missing_ok=True)  # the receiver's own file goes with the message
    return key


def files(queue: Queue) -> dict[str, int]:
    """How many files lie in each state."""
    states = ("incoming", "waiting", "outgoing", "done", "quarantine")
    return {state: sum(1 for path in (queue.root / state).rglob("*") if path.is_file()) for state in states}


def test_an_image_goes_its_way(queue):
    key = arrive(queue)
    assert queue.waiting() == [key] and queue.image(key).read_bytes() == b"an image"
    queue.put_report(key, b"its report")
    assert queue.waiting() == [] and queue.outgoing() == [key] and queue.report(key) == b"its report"
    queue.put_delivered(key)
    assert queue.outgoing() == [] and files(queue) == {
        "incoming": 0, "waiting": 0, "outgoing": 0, "done": 1, "quarantine": 0
    }  # fmt: skip
    counts = queue.counts()
    assert counts.delivered == counts.images == 1


def test_the_oldest_come_first(queue):
    keys = []
    for number in range(5):
        keys.append(arrive(queue, b"%d" % number))
        os.utime(queue.image(keys[-1]), (number, number))
    assert queue.waiting(most=3) == keys[:3] and queue.waiting() == keys


@pytest.mark.parametrize("state", ["waiting", "outgoing", "delivered", "not reported", "quarantine"])
def test_what_comes_again_is_the_same_image(queue, state):
    key = arrive(queue)
    if state in ("outgoing", "delivered"):
        queue.put_report(key, b"report")
    if state == "delivered":
        queue.put_delivered(key)
    if state == "not reported":
        queue.put_no_report(key, "a hand")
    if state == "quarantine":
        queue.quarantine(key, "decode", "broken")
    before = queue.counts()
    file = queue.incoming / "again"
    file.write_bytes(b"an image")
    assert queue.accept(file, "1.2.3") == (key, False)
    assert queue.counts() == before and before.images == 1


def test_other_content_or_another_instance_is_another_image(queue):
    assert len({arrive(queue), arrive(queue, b"another"), arrive(queue, instance="1.2.4")}) == 3


def test_names_tell_nothing_of_the_patient(queue):
    key = arrive(queue, b"Doe^Jane", "1.2.840.99.4711")
    assert "4711" not in key and all("4711" not in str(path) for path in queue.root.rglob("*"))
    assert (queue.root / "waiting").stat().st_mode & 0o077 == 0


def test_images_and_reports_in_quarantine_have_a_reason_and_can_be_moved_back(queue):
    image, report = arrive(queue, b"1"), arrive(queue, b"2")
    queue.quarantine(image, "decode", "broken")
    queue.put_report(report, b"report")
    queue.quarantine(report, "deliver", "refused")
    counts = queue.counts()
    assert counts.quarantined == {"decode: broken": 1, "deliver: refused": 1} and counts.images == 2
    os.replace(queue.root / "quarantine" / f"{image}.image", queue.image(image))
    assert queue.waiting() == [image] and queue.counts().quarantined == {"deliver: refused": 1}


def test_a_full_disk_is_no_place_for_an_image(queue, monkeypatch):
    full = Queue(queue.root, keep_free=1 << 62)
    with pytest.raises(QueueFull):
        arrive(full)
    assert full.waiting() == [] and (full.incoming / "arriving").exists()


def test_old_receipts_and_forgotten_files_go(queue):
    old, new = arrive(queue, b"1"), arrive(queue, b"2")
    for key in (old, new):
        queue.put_no_report(key, "a hand")
    receipt = next((queue.root / "done").rglob(f"{old}*"))
    os.utime(receipt, (0, 0))
    (queue.incoming / "half").write_bytes(b"")
    os.utime(queue.incoming / "half", (0, 0))
    queue.sweep(receipts_older_than=3600, incoming_older_than=3600)
    assert files(queue)["incoming"] == 0 and queue.counts().not_reported == {"a hand": 1}
    assert arrive(queue, b"1") == old and queue.waiting() == [old]


class Killed(BaseException):
    pass


def step_by_step(monkeypatch, after: int) -> None:
    """From here on the process "dies" at the step number `after` of those that change the disk."""
    steps = iter(range(1000))

    def dying(original):
        def step(*arguments, **keywords):
            if next(steps) == after:
                raise Killed
            return original(*arguments, **keywords)

        return step

    for name in ("replace", "fsync"):
        monkeypatch.setattr(queue_module.os, name, dying(getattr(os, name)))
    monkeypatch.setattr(queue_module.Path, "unlink", dying(queue_module.Path.unlink))


STEPS = 12  # of an image's whole way


@pytest.mark.parametrize("after", range(STEPS + 1))
def test_killed_between_any_two_steps_nothing_is_lost_and_nothing_is_twice(tmp_path, after):
    """The whole way of an image, killed once at each step and begun again; what was delivered is written down."""
    queue, delivered, acknowledged = Queue(tmp_path / "queue", keep_free=0), [], []

    def way() -> None:
        if not acknowledged:
            arrive(queue)
            acknowledged.append(True)
        for key in queue.waiting():
            queue.put_report(key, b"report")
        for key in queue.outgoing():
            delivered.append(queue.report(key))  # at least once: the destination knows it by its UID
            queue.put_delivered(key)

    with pytest.MonkeyPatch.context() as patch:
        step_by_step(patch, after)
        if after < STEPS:
            with pytest.raises(Killed):
                way()
        else:
            way()
    queue = Queue(tmp_path / "queue", keep_free=0)
    queue.recover()
    way()
    assert set(delivered) == {b"report"} and queue.counts().delivered == 1 and queue.counts().images == 1
    assert files(queue) == {"incoming": 0, "waiting": 0, "outgoing": 0, "done": 1, "quarantine": 0}
