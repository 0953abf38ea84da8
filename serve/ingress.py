"""The HTTP front: takes images in, passes questions on to the detector and the generator, hands answers out."""

from __future__ import annotations

import time

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from ray import serve
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from chex import __version__, vocabulary
from serve.asking import Asking
from serve.desk import Desk, PromptSets
from serve.images import Images
from serve.observability.logs import log
from serve.observability.metrics import show_images_kept, show_waiting
from serve.problems import explain_errors
from serve.routes import batches, exports, images, models, pages, queries, reports
from serve.security.description import describe_guard
from serve.security.guard import Guard, GuardSettings
from serve.size_limit import SizeLimit

LOOK_AGAIN_AFTER = 1.0  # seconds
MOST_UPLOAD_BYTES = 96 * 2**20  # the largest radiographs (4,000 × 5,000 pixels, 16 bit, uncompressed) have 40 MB
MOST_QUESTION_BYTES = 2**20  # as many and as long questions as permitted fit, every letter escaped
MOST_BYTES_TOGETHER = 2**30  # of what is being received, decoded or answered at a time
UPLOAD_PATHS = ("/v1/images", "/v1/queries", "/v1/report", "/v1/batch/queries", "/v1/batch/reports")


@serve.deployment
@serve.ingress()
class Ingress:
    """Keeps references to uploaded images; the pixels lie in the object store, where every detector replica reaches them.

    So no image is bound to one detector. The references themselves are this replica's own: it is one replica on
    purpose (it only waits for others), and after its loss a client is told to upload again.

    detector, generator: handles, or the names of the applications that they are in.
    """

    def __init__(
        self,
        detector: DeploymentHandle | str,
        generator: DeploymentHandle | str,
        prompt_sets: PromptSets,
        *,
        most_images: int,
        image_bytes: int,
        seconds: float,
        request_seconds: float,
        shards: int,
        most_waiting: int,
        guard: GuardSettings,
    ):
        self._guard = guard
        self._desk = Desk(
            images=Images(most_images=most_images, most_bytes=image_bytes, seconds=seconds),
            asking=Asking(
                _handle("PromptDetector", detector),
                _handle("SentenceGenerator", generator),
                shards=shards,
                most_waiting=most_waiting,
            ),
            vocabulary=vocabulary.load(),
            prompt_sets=prompt_sets,
            request_seconds=request_seconds,
            audit_texts=guard.audit_texts,
        )

    async def check_health(self) -> None:
        """Ray forgets a gauge that is not set again, and asks for this every some seconds.

        To count the images also lets go of those that nobody asks any more.
        """
        show_images_kept(len(self._desk.images))
        show_waiting(self._desk.asking.waiting())

    def __serve_build_asgi_app__(self) -> FastAPI:
        return http_application(self._desk, self._guard)


def _handle(deployment: str, where: DeploymentHandle | str) -> DeploymentHandle:
    """Of another application: once it is there, as all of them may be deployed at the same time."""
    while isinstance(where, str):
        try:
            return serve.get_deployment_handle(deployment, where)
        except RayServeException:
            log.info("waiting", extra={"application": where})
            time.sleep(LOOK_AGAIN_AFTER)
    return where


def http_application(desk: Desk, guard: GuardSettings) -> FastAPI:
    """Every route, its errors as problems, and the layers around them."""
    app = FastAPI(
        title="Chex-Ray",
        version=__version__,
        description="Ask a chest radiograph: by text, by box, or for a whole report. "
        "Research use only; not a medical device.",
        docs_url=None,
        redoc_url=None,
    )
    app.state.desk = desk
    for module in (images, queries, reports, exports, batches, models, pages):
        app.include_router(module.router)
    app.mount("/viewer", StaticFiles(directory=pages.VIEWER), name="viewer")
    explain_errors(app)
    add_middlewares(app, guard)
    describe_guard(app)
    return app


def add_middlewares(app: FastAPI, guard: GuardSettings) -> None:
    """What every request passes before its route; the one added last comes first."""
    app.add_middleware(
        SizeLimit,
        most_bytes=MOST_QUESTION_BYTES,
        upload_paths=UPLOAD_PATHS,
        most_upload_bytes=MOST_UPLOAD_BYTES,
        most_bytes_together=MOST_BYTES_TOGETHER,
    )
    app.add_middleware(Guard, settings=guard)
