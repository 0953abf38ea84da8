"""The deployment that looks: encodes an image once and answers prompts with boxes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from ray import serve

from chex.records import Query
from pipelines.model_folder import model_folder_on_disk
from serve.caches import RecentlyUsed
from serve.gathering import Gathering
from serve.known_answer import KnownAnswer
from serve.model_thread import ModelThread, every_result
from serve.observability.logs import log
from serve.observability.metrics import count_feature_lookup
from serve.questions import Described, Looked, Question, StoredImage
from serve.shared_work import SharedWork

if TYPE_CHECKING:
    import numpy as np

    from chex.inference.features import Answer, ImageFeatures

ENCODED_TOGETHER = 16  # images
DETECTED_TOGETHER = 512  # queries
Result = TypeVar("Result")
# (features, queries, labels per query)
Asked = tuple["ImageFeatures", tuple[Query, ...], tuple[tuple[str, ...], ...]]


@serve.deployment
class PromptDetector:
    """Any replica can answer for any image: each has its own bounded cache of features and fills it on demand.

    What is asked while it computes is computed together next, whichever requests it belongs to.
    """

    def __init__(
        self,
        model: str,
        device: str,
        *,
        most_images: int,
        feature_bytes: int,
        seconds: float,
        threads: int | None = None,
    ):
        from chex import Chex
        from chex.inference.detection import PromptReader
        from chex.inference.report import ReportWriter

        self._thread = ModelThread(threads)
        with model_folder_on_disk(model) as folder:
            self._model = Chex.load(folder, device=device)
        self._reader = PromptReader(self._model)
        self._weights_sha256 = self._model.provenance.get("weights_sha256", "")
        self._worth_a_sentence = ReportWriter(self._model).select
        self._features: RecentlyUsed[SharedWork[ImageFeatures]] = RecentlyUsed(
            most_entries=most_images, most_bytes=feature_bytes, seconds=seconds
        )
        self._images_encoded = 0
        self._encode = Gathering(self._encode_together, most_weight=ENCODED_TOGETHER)
        self._detect = Gathering(
            self._detect_together, most_weight=DETECTED_TOGETHER, weight=lambda asked: len(asked[1])
        )
        self._known = KnownAnswer(self._ask_known)
        self._known.check()

    async def look(self, questions: list[Question]) -> list[Looked | Exception]:
        """Per question its queries' answers in order, or why there are none."""
        return await self._each(questions, self._look)

    async def find(self, questions: list[Question]) -> list[Described | Exception]:
        """The same as findings without sentences."""
        return await self._each(questions, self._find)

    async def encoded(self) -> tuple[str, int]:
        """This replica's id, and how many images it has encoded so far."""
        return serve.get_replica_context().replica_id.unique_id, self._images_encoded

    async def check_health(self) -> None:
        """Raises if the model no longer gives the answer that it gave when it was loaded; forgets what has expired."""
        self._features.forget_expired()
        await self._thread.run(self._known.check)

    async def _each(
        self, questions: list[Question], answer: Callable[[Question], Awaitable[Result]]
    ) -> list[Result | Exception]:
        results = await every_result(map(answer, questions))
        queries = sum(len(question.queries) for question in questions)
        log.info("looked", extra={"of_requests": [q.request_id for q in questions], "queries": queries})
        return results

    async def _look(self, question: Question) -> Looked:
        answers = await self._answers(question)
        return Looked.of(self._worth_a_sentence(answers) if question.for_report else answers, self._weights_sha256)

    async def _find(self, question: Question) -> Described:
        from chex.inference.report import finding

        least = self._model.config.inference.box_score
        found = [finding(answer, None, least) for answer in await self._answers(question)]
        return Described(found, self._weights_sha256)

    async def _answers(self, question: Question) -> list[Answer]:
        features = await self._features_of(question.image, question.deadline)
        return await self._detect((features, question.queries, question.labels), question.deadline)

    async def _features_of(self, image: StoredImage, deadline: float) -> ImageFeatures:
        # the work, not its result, is kept: questions that arrive during the encoding wait for the same one
        encoding = self._features.get(image.image_id)
        known = encoding is not None and encoding.is_of_use
        count_feature_lookup(hit=known)
        if not known:
            encoding = SharedWork(self._fetch_and_encode(image))
            if image.stays:
                self._features.put(image.image_id, encoding, self._bytes_per_image())
        return await encoding.result(deadline)

    async def _fetch_and_encode(self, image: StoredImage) -> ImageFeatures:
        return await self._encode(await image.pixels)

    async def _encode_together(self, images: list[np.ndarray]) -> list[ImageFeatures]:
        features = await self._thread.run(self._reader.encode, images)
        self._images_encoded += len(images)
        # a view of its batch would keep the whole batch in memory as long as one of its images
        return [replace(one, patches=one.patches.clone(), pooled=one.pooled.clone()) for one in features]

    async def _detect_together(self, asked: list[Asked]) -> list[list[Answer]]:
        return await self._thread.run(self._detect_alike, asked)

    def _detect_alike(self, asked: list[Asked]) -> list[list[Answer]]:
        """Requests with about as many queries go together: shorter ones are padded."""
        answers: list[list[Answer]] = [[] for _ in asked]
        for size in {len(queries).bit_length() for _, queries, _ in asked}:
            places = [place for place, one in enumerate(asked) if len(one[1]).bit_length() == size]
            features, queries, labels = zip(*(asked[place] for place in places))
            every = tuple(dict.fromkeys(label for one in labels for some in one for label in some))
            found = self._reader.detect(features, queries, every)
            for place, some, wanted in zip(places, found, labels):
                answers[place] = [_told(answer, every, own) for answer, own in zip(some, wanted, strict=True)]
        return answers

    def _bytes_per_image(self) -> int:
        """What the features of one image take, in single precision."""
        config = self._model.config.image_encoder
        patches = (config.image_size // config.patch_size) ** 2
        return 4 * config.embedding * (patches + 1)

    def _ask_known(self) -> list[float]:
        import numpy as np

        features = self._reader.encode([np.arange(64 * 64, dtype=np.uint16).astype(np.uint8).reshape(64, 64)])
        (answer,) = self._reader.detect(features, [[Query(text="pleural effusion")]])[0]
        return [number for box in answer.candidates for number in (*box.box, box.score)] + answer.token.tolist()


def _told(answer: Answer, asked: Sequence[str], wanted: Sequence[str]) -> Answer:
    """The answer with the probabilities of `wanted` alone, of all that were `asked` for, and of its own finding."""
    own = len(answer.probabilities) - len(asked)
    known = dict(answer.probabilities[own:])
    return replace(answer, probabilities=answer.probabilities[:own] + tuple((label, known[label]) for label in wanted))
