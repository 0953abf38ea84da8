"""Uploaded radiographs: decoded once, kept for a while under the hash of their content."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import ray
from starlette.exceptions import HTTPException

from chex.body_part import off_topic
from chex.pixels import UnusableImage, header_alone, read_radiograph
from serve.caches import RecentlyUsed
from serve.gathering import Gathering
from serve.observability.requests import note_image
from serve.questions import StoredImage

DECODED_AT_ONCE = 2
UPLOADS_WAITING = 16


@dataclass(frozen=True, slots=True)
class Kept:
    """An uploaded image: its pixels are in Ray's object store, what a report says about its origin is here."""

    stored: StoredImage
    sha256: str
    sop_instance_uid: str | None
    view: str | None
    notes: tuple[str, ...]
    height: int
    width: int
    header: bytes | None  # of a DICOM file, without pixels: what exports name the study by

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the original image."""
        return self.width, self.height


class Images:
    """At most `most_images` of together `most_bytes` pixels; one is forgotten `seconds` after its last use.

    store: where pixels (H, W) uint8 are put for other processes; what it returns gives them when it is awaited.
    """

    def __init__(
        self, *, most_images: int, most_bytes: int, seconds: float, store: Callable[[np.ndarray], Awaitable] = ray.put
    ) -> None:
        self.seconds = seconds
        self._store = store
        self._kept: RecentlyUsed[Kept] = RecentlyUsed(most_entries=most_images, most_bytes=most_bytes, seconds=seconds)
        # threads of its own: one goes on when nobody waits for it any more, and must still count
        self._decoders = ThreadPoolExecutor(DECODED_AT_ONCE, "decode")
        self._decode = Gathering(self._decoded, most_weight=1, at_once=DECODED_AT_ONCE, most_waiting=UPLOADS_WAITING)

    def __len__(self) -> int:
        return len(self._kept)

    async def keep(self, data: bytes, deadline: float) -> Kept:
        """Takes an encoded file in, or finds that it is here already. Raises a 422 if it is no chest radiograph."""
        image_id = _id_of(data)
        kept = self._kept.get(image_id)
        if kept is None:
            kept = await self._decode(data, deadline)
            self._kept.put(image_id, kept, kept.width * kept.height)
        note_image(kept.sha256)
        return kept

    async def decode(self, data: bytes, deadline: float) -> Kept:
        """The same for one request alone: it is forgotten with it."""
        kept = await self._decode(data, deadline)
        note_image(kept.sha256)
        return replace(kept, stored=replace(kept.stored, stays=False))

    def get(self, image_id: str) -> Kept:
        """Raises a 404 if it is not here, or no longer."""
        kept = self._kept.get(image_id)
        if kept is None:
            raise HTTPException(404, "this image is not here, or no longer: upload it again")
        note_image(kept.sha256)
        return kept

    async def _decoded(self, files: list[bytes]) -> list[Kept | Exception]:
        try:
            loop = asyncio.get_running_loop()
            return [await loop.run_in_executor(self._decoders, _decode, files[0], self._store)]
        except HTTPException as problem:
            return [problem]


def _id_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _decode(data: bytes, store: Callable[[np.ndarray], Awaitable]) -> Kept:
    try:
        radiograph = read_radiograph(data, "the uploaded file")
    except UnusableImage as problem:
        raise HTTPException(422, f"not a usable radiograph: {problem.reason}") from problem
    if (reason := off_topic(radiograph.body_part)) is not None:
        raise HTTPException(422, f"not a chest radiograph: {reason}")
    height, width = radiograph.pixels.shape
    return Kept(
        stored=StoredImage(radiograph.sha256[:32], store(radiograph.pixels)),
        sha256=radiograph.sha256,
        sop_instance_uid=radiograph.sop_instance_uid,
        view=radiograph.view,
        notes=radiograph.notes,
        height=height,
        width=width,
        header=header_alone(data),
    )
