"""A durable queue in a folder: whatever was taken in is dealt with once, whenever its processes are killed.

A file lies in the folder of its state, under a name that tells nothing of the patient. Each step is one rename or one
new file, and is on the disk before the next step begins:

    incoming/    on its way in, worthless after a restart
    waiting/     images that were acknowledged and wait for their report
    outgoing/    reports that wait for their destination
    done/        a receipt of each image: its report was delivered, or it gets none
    quarantine/  images and reports that nothing can be done with, each with the reason
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

IMAGE, REPORT, REASON = ".image", ".report", ".json"
DELIVERED, NOT_REPORTED = ".delivered", ".not-reported"  # the two kinds of receipts
_STATES = ("incoming", "waiting", "outgoing", "quarantine", *(f"done/{first:02x}" for first in range(256)))


class QueueFull(OSError):
    """The disk has no room for more images: whoever sends may try again later."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the queue holds, and what became of the images it no longer holds."""

    waiting: int
    outgoing: int
    delivered: int
    not_reported: dict[str, int]  # by reason
    quarantined: dict[str, int]

    @property
    def images(self) -> int:
        """Every image that was taken in, as far as its receipt is still kept."""
        settled = self.delivered + sum(self.not_reported.values()) + sum(self.quarantined.values())
        return self.waiting + self.outgoing + settled


class Queue:
    """One folder. Several processes may work on it, but only one on images that wait and one on reports that do."""

    def __init__(self, root: Path, *, keep_free: int = 2**30):
        """`keep_free`: bytes of the disk that images may not take."""
        self.root, self._keep_free = root, keep_free
        for state in _STATES:
            self._folder(state).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sync(root)
        self._sync(root / "done")

    @property
    def incoming(self) -> Path:
        """Where files are written that `accept` takes."""
        return self._folder("incoming")

    def accept(self, file: Path, instance_uid: str) -> tuple[str, bool]:
        """Takes over a whole file of `incoming`; once this returns, no crash loses it.

        Returns the image's key and whether it is new: the same content of the same instance is one image, however
        often it comes.

        Raises:
            QueueFull: there is no room; the file is left where it is.
        """
        if shutil.disk_usage(self.root).free < self._keep_free:
            raise QueueFull(f"less than {self._keep_free >> 20} MiB are free")
        with file.open("rb") as content:
            key = image_key(instance_uid, hashlib.file_digest(content, "sha256").hexdigest())
            os.fsync(content.fileno())
        is_new = not self._knows(key)
        if is_new:
            os.replace(file, self._path("waiting", key + IMAGE))
        self._sync(self._folder("waiting"))  # another connection may have brought it just now
        return key, is_new

    def waiting(self, most: int | None = None) -> list[str]:
        """Keys of images without a report, those that wait longest first."""
        return self._oldest("waiting", IMAGE, most)

    def outgoing(self, most: int | None = None) -> list[str]:
        """Keys of reports that are not delivered, those that wait longest first."""
        return self._oldest("outgoing", REPORT, most)

    def image(self, key: str) -> Path:
        return self._path("waiting", key + IMAGE)

    def report(self, key: str) -> bytes:
        return self._path("outgoing", key + REPORT).read_bytes()

    def put_report(self, key: str, report: bytes) -> None:
        """The image is reported on; its report waits for the destination."""
        self._write("outgoing", key + REPORT, report)
        self._drop("waiting", key + IMAGE)

    def put_no_report(self, key: str, reason: str) -> None:
        """The image is none to report on."""
        self._write(self._receipts_like(key), key + NOT_REPORTED, _json({"reason": reason}))
        self._drop("waiting", key + IMAGE)

    def put_delivered(self, key: str) -> None:
        """The destination has the report."""
        self._write(self._receipts_like(key), key + DELIVERED, b"")
        self._drop("outgoing", key + REPORT)

    def quarantine(self, key: str, stage: str, reason: str) -> None:
        """The image or its report is put aside; moved back to where it was, it is tried again."""
        self._write("quarantine", key + REASON, _json({"stage": stage, "reason": reason, "time": int(time.time())}))
        for state, suffix in (("waiting", IMAGE), ("outgoing", REPORT)):
            if self._path(state, key + suffix).exists():
                os.replace(self._path(state, key + suffix), self._path("quarantine", key + suffix))
                self._sync(self._folder("quarantine"))

    def recover(self) -> None:
        """What a kill left behind: halves of a step are completed. Only while nobody else works on the queue."""
        for file in self.incoming.iterdir():
            file.unlink()
        for key in self.outgoing():
            if self._is_done(key):
                self._drop("outgoing", key + REPORT)
        for key in self.waiting():
            if self._is_done(key) or self._path("outgoing", key + REPORT).exists():
                self._drop("waiting", key + IMAGE)

    def sweep(self, *, receipts_older_than: float, incoming_older_than: float) -> None:
        """Forgets old receipts, and files whose senders went away (ages in seconds)."""
        now = time.time()
        receipts = (self.root / "done").glob("??/*.*")
        for files, age in ((receipts, receipts_older_than), (self.incoming.iterdir(), incoming_older_than)):
            for file in files:
                try:
                    if now - file.stat().st_mtime > age:
                        file.unlink()
                except FileNotFoundError:
                    pass  # it was completed meanwhile

    def counts(self) -> Counts:
        not_reported, quarantined = Counter(), Counter()
        for file in self.root.glob(f"done/??/*{NOT_REPORTED}"):
            not_reported[json.loads(file.read_bytes())["reason"]] += 1
        for file in self.root.glob(f"quarantine/*{REASON}"):
            if any(file.with_suffix(suffix).exists() for suffix in (IMAGE, REPORT)):  # else it was moved back
                told = json.loads(file.read_bytes())
                quarantined[f"{told['stage']}: {told['reason']}"] += 1
        return Counts(
            waiting=self._number(f"waiting/*{IMAGE}"),
            outgoing=self._number(f"outgoing/*{REPORT}"),
            delivered=self._number(f"done/??/*{DELIVERED}"),
            not_reported=dict(not_reported.most_common()),
            quarantined=dict(quarantined.most_common()),
        )

    def _number(self, pattern: str) -> int:
        return sum(1 for _ in self.root.glob(pattern))

    def _knows(self, key: str) -> bool:
        places = (("waiting", IMAGE), ("outgoing", REPORT), ("quarantine", IMAGE), ("quarantine", REPORT))
        return self._is_done(key) or any(self._path(state, key + suffix).exists() for state, suffix in places)

    def _is_done(self, key: str) -> bool:
        return any(self._path(self._receipts_like(key), key + kind).exists() for kind in (DELIVERED, NOT_REPORTED))

    @staticmethod
    def _receipts_like(key: str) -> str:
        return f"done/{key[:2]}"  # folders of some thousands of files at most

    def _oldest(self, state: str, suffix: str, most: int | None) -> list[str]:
        with os.scandir(self._folder(state)) as entries:
            found = sorted((entry.stat().st_mtime_ns, entry.name) for entry in entries if entry.name.endswith(suffix))
        return [name.removesuffix(suffix) for _, name in found[:most]]

    def _write(self, state: str, name: str, content: bytes) -> None:
        unfinished = self.incoming / f"{name}.{os.getpid()}"
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, self._path(state, name))
        self._sync(self._folder(state))

    def _drop(self, state: str, name: str) -> None:
        self._path(state, name).unlink(missing_ok=True)

    def _folder(self, state: str) -> Path:
        return self.root / state

    def _path(self, state: str, name: str) -> Path:
        return self.root / state / name

    @staticmethod
    def _sync(folder: Path) -> None:
        """Makes the folder's entries durable: a renamed file's new name is otherwise lost with the power."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def image_key(instance_uid: str, content_sha256: str) -> str:
    """Names an image by its SOP instance UID and its content, without telling either."""
    return hashlib.sha256(f"{instance_uid}\0{content_sha256}".encode()).hexdigest()[:40]


def _json(content: dict) -> bytes:
    return json.dumps(content).encode()
