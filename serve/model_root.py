"""What stands at the top of the model's own application."""

from __future__ import annotations

from ray import serve
from ray.serve.handle import DeploymentHandle


@serve.deployment(ray_actor_options={"num_cpus": 0})
class ModelRoot:
    """Asked by nobody: Serve wants one deployment above all others, and with HAProxy none there that routes as
    PromptDetector does.
    """

    def __init__(self, detector: DeploymentHandle, generator: DeploymentHandle) -> None:
        """What is bound here is deployed."""
