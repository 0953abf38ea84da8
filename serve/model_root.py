"""What stands at the top of the model's own application."""

from __future__ import annotations

from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request
from starlette.responses import Response


@serve.deployment(ray_actor_options={"num_cpus": 0})
class ModelRoot:
    """Serve wants one deployment above all others, and with HAProxy none there that routes as PromptDetector does.

    Nobody asks it: the front calls the other two. With HAProxy it has a port all the same, which says so.
    """

    def __init__(self, detector: DeploymentHandle, generator: DeploymentHandle) -> None:
        """What is bound here is deployed."""

    async def __call__(self, request: Request) -> Response:
        return Response(status_code=404)
