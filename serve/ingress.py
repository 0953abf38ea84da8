"""The HTTP front: takes images in, passes questions on to the detector and the generator, hands answers out."""

# Serve copies the application by value when the class below is decorated: hence no postponed annotations here
# (their names would be unknown in the copy), and what the methods call is imported or stands above them

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import ray
from fastapi import FastAPI, File, Request, UploadFile
from fastapi.responses import FileResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.exceptions import HTTPException

from chex import __version__
from chex.body_part import off_topic
from chex.pixels import Radiograph, UnusableImage, encode_stored, read_radiograph
from chex.records import Query
from serve.answers import as_events, in_time, records_of
from serve.caches import RecentlyUsed
from serve.problems import SizeLimit, explain_errors
from serve.prompt_detector import StoredImage
from serve.schemas import AnswersOut, FindingOut, Health, ImageOut, Problem, QueriesIn, ReportIn, ReportOut
from serve.sentence_generator import Asked

VIEWER = Path(__file__).parent / "viewer"
MOST_UPLOAD_BYTES = 96 * 2**20  # the largest radiographs (4,000 × 5,000 pixels, 16 bit, uncompressed) have 40 MB
MOST_QUESTION_BYTES = 2**20  # as many and as long questions as permitted fit, every letter escaped
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
)
PROBLEMS = {404: {"model": Problem}, 413: {"model": Problem}, 422: {"model": Problem}, 503: {"model": Problem}}
PICTURE = {200: {"content": {"image/png": {}}}}

app = FastAPI(
    title="Chex-Ray",
    version=__version__,
    description="Ask a chest radiograph: by text, by box, or for a whole report. Research use only; not a medical device.",
    docs_url=None,
    redoc_url=None,
)
app.add_middleware(
    SizeLimit, most_bytes=MOST_QUESTION_BYTES, upload_path="/v1/images", most_upload_bytes=MOST_UPLOAD_BYTES
)
app.mount("/viewer", StaticFiles(directory=VIEWER), name="viewer")
explain_errors(app)


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


@serve.deployment
@serve.ingress(app)
class Ingress:
    """Keeps references to uploaded images; the pixels lie in the object store, where every detector replica reaches them.

    So no image is bound to one detector. The references themselves are this replica's own: it is one replica on
    purpose (it only waits for others), and after its loss a client is told to upload again.
    """

    def __init__(
        self,
        detector: DeploymentHandle,
        generator: DeploymentHandle,
        prompts: tuple[str, tuple[Query, ...]],
        most_images: int,
        seconds: float,
    ):
        self._detector, self._generator = detector, generator
        self._prompt_set, self._prompts = prompts
        self._seconds = seconds
        self._images: RecentlyUsed[Kept] = RecentlyUsed(
            most_entries=most_images, most_bytes=most_images * 16 * 2**20, seconds=seconds
        )

    @app.post("/v1/images", status_code=201, responses=PROBLEMS)
    async def upload(self, file: Annotated[UploadFile, File(description="a DICOM, JPEG or PNG file")]) -> ImageOut:
        """Takes in one radiograph. It is forgotten when it has not been asked for a while."""
        data = await file.read()
        image_id = hashlib.sha256(data).hexdigest()[:32]
        kept = self._images.get(image_id)
        if kept is None:
            try:
                radiograph = await asyncio.to_thread(read_radiograph, data, "the uploaded file")
            except UnusableImage as problem:
                raise HTTPException(422, f"not a usable radiograph: {problem.reason}") from problem
            if (reason := off_topic(radiograph.body_part)) is not None:
                raise HTTPException(422, f"not a chest radiograph: {reason}")
            kept = self._keep(image_id, radiograph)
        return ImageOut(
            image_id=image_id,
            width=kept.width,
            height=kept.height,
            view=kept.view,
            notes=list(kept.notes),
            expires_in_s=int(self._seconds),
        )

    @app.get("/v1/images/{image_id}/pixels", responses=PROBLEMS | PICTURE, response_class=Response)
    async def pixels(self, image_id: str) -> Response:
        """The image as PNG, as the model sees it: browsers show no DICOM."""
        pixels: np.ndarray = await self._kept(image_id).stored.pixels
        return Response(await asyncio.to_thread(encode_stored, pixels), media_type="image/png")

    @app.post("/v1/images/{image_id}/queries", responses=PROBLEMS)
    async def ask(self, image_id: str, asked: QueriesIn) -> AnswersOut:
        """Boxes and a sentence for every query."""
        kept, queries = self._kept(image_id), records_of(asked.queries, "queries")
        answers = self._detector.look.remote(kept.stored, queries)
        findings = await in_time(self._generator.describe.remote(answers))
        return AnswersOut(findings=[FindingOut.of(finding) for finding in findings])

    @app.post(
        "/v1/images/{image_id}/report",
        responses=PROBLEMS | {200: {"content": {"text/event-stream": {}}}},
        response_model=ReportOut,
    )
    async def report(self, request: Request, image_id: str, asked: ReportIn | None = None):
        """The report; as server-sent events (`selected`, `finding` …, `report`) where the client accepts those."""
        kept = self._kept(image_id)
        name, queries = self._prompt_set, self._prompts
        if asked is not None and asked.prompts is not None:
            name, queries = "request", tuple(records_of(asked.prompts, "prompts"))
        question = Asked(name, queries, kept.sha256, kept.sop_instance_uid)
        answers = self._detector.look.remote(kept.stored, list(queries))
        if "text/event-stream" in request.headers.get("accept", ""):
            events = self._generator.options(stream=True).report_events.remote(answers, question)
            return StreamingResponse(
                as_events(events), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
            )
        return ReportOut.of(await in_time(self._generator.report.remote(answers, question)))

    @app.get("/healthz")
    async def health(self) -> Health:
        """Whether the server takes requests."""
        return Health(status="ok", version=__version__)

    @app.get("/", include_in_schema=False)
    async def page(self) -> FileResponse:
        return FileResponse(VIEWER / "index.html", headers={"Content-Security-Policy": PAGE_POLICY})

    @app.get("/docs", include_in_schema=False)
    async def docs(self) -> FileResponse:
        return FileResponse(VIEWER / "docs.html", headers={"Content-Security-Policy": PAGE_POLICY})

    def _keep(self, image_id: str, radiograph: Radiograph) -> Kept:
        height, width = radiograph.pixels.shape
        kept = Kept(
            stored=StoredImage(image_id, ray.put(radiograph.pixels)),
            sha256=radiograph.sha256,
            sop_instance_uid=radiograph.sop_instance_uid,
            view=radiograph.view,
            notes=radiograph.notes,
            height=height,
            width=width,
        )
        self._images.put(image_id, kept, radiograph.pixels.nbytes)
        return kept

    def _kept(self, image_id: str) -> Kept:
        kept = self._images.get(image_id)
        if kept is None:
            raise HTTPException(404, "this image is not here, or no longer: upload it again")
        return kept
