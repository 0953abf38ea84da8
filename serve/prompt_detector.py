"""The deployment that looks: encodes an image once and answers prompts with boxes."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ray
from ray import serve

from chex.records import Query
from pipelines.model_folder import model_folder_on_disk
from serve.caches import RecentlyUsed

if TYPE_CHECKING:
    import numpy as np

    from chex.inference.features import Answer, ImageFeatures


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An uploaded image as deployments pass it on: its id, and where its (H, W) uint8 pixels lie.

    The reference is inside this record, so that Ray hands on the reference and not a copy of the pixels:
    a replica that has the image's features already never fetches them.
    """

    image_id: str
    pixels: ray.ObjectRef


@serve.deployment
class PromptDetector:
    """Any replica can answer for any image: each has its own bounded cache of features and fills it on demand."""

    def __init__(self, model: str, device: str, most_images: int, seconds: float):
        from chex import Chex
        from chex.inference.detection import PromptReader

        with model_folder_on_disk(model) as folder:
            self._reader = PromptReader(Chex.load(folder, device=device))
        # one thread uses the model; the event loop stays free for those who wait
        self._thread = ThreadPoolExecutor(1)
        self._features: RecentlyUsed[asyncio.Task] = RecentlyUsed(most_entries=most_images, seconds=seconds)

    async def look(self, image: StoredImage, queries: list[Query]) -> list[Answer]:
        """The answers of one image, in the order of the queries."""
        features = await self._features_of(image)
        return await self._detect((features, queries))

    async def _features_of(self, image: StoredImage) -> ImageFeatures:
        # the task, not its result, is kept: questions that arrive during the encoding wait for the same one
        task = self._features.get(image.image_id)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = asyncio.ensure_future(self._fetch_and_encode(image))
            self._features.put(image.image_id, task)
        # one client that gives up must not cancel the encoding that others wait for
        return await asyncio.shield(task)

    async def _fetch_and_encode(self, image: StoredImage) -> ImageFeatures:
        return await self._encode(await image.pixels)

    @serve.batch(max_batch_size=8, batch_wait_timeout_s=0.005)
    async def _encode(self, images: list[np.ndarray]) -> list[ImageFeatures]:
        return await self._in_thread(self._reader.encode, images)

    @serve.batch(max_batch_size=16, batch_wait_timeout_s=0.005)
    async def _detect(self, asked: list[tuple[ImageFeatures, list[Query]]]) -> list[list[Answer]]:
        features, queries = zip(*asked, strict=True)
        return await self._in_thread(self._reader.detect, list(features), list(queries))

    async def _in_thread(self, work, *arguments):
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
