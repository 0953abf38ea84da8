"""The served application in one process, without Ray: its deployments' own classes behind handles that call them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

import httpx

from chex import vocabulary
from serve.asking import Asking
from serve.desk import Desk
from serve.images import Images
from serve.ingress import http_application
from serve.prompt_detector import PromptDetector
from serve.prompt_sets import prompt_sets
from serve.security.guard import GuardSettings
from serve.sentence_generator import SentenceGenerator


class Handle:
    """A deployment's handle, as far as the ingress uses one."""

    def __init__(self, replica: object, stream: bool = False) -> None:
        self._replica, self._stream = replica, stream

    def options(self, *, stream: bool = False, session_id: str = "") -> Handle:
        return Handle(self._replica, stream)

    def __getattr__(self, name: str) -> _Method:
        return _Method(getattr(self._replica, name), self._stream)


class _Method:
    def __init__(self, method: Callable, stream: bool) -> None:
        self._method, self._stream = method, stream

    def remote(self, *arguments):
        return self._events(arguments) if self._stream else _Response(self._result(arguments))

    async def _result(self, arguments):
        return await self._method(*[await _value(one) for one in arguments])

    async def _events(self, arguments):
        async for event in self._method(*[await _value(one) for one in arguments]):
            yield event


async def _value(argument):
    # as in Serve, an argument's call goes on when the call that waits for it is cancelled
    return await asyncio.shield(argument.task) if isinstance(argument, _Response) else argument


class _Response:
    def __init__(self, result: Awaitable) -> None:
        self.task = asyncio.ensure_future(result)

    def __await__(self):
        return self.task.__await__()

    def cancel(self) -> None:
        self.task.cancel()


class _Stored:
    """What stands for a reference into Ray's object store."""

    def __init__(self, value) -> None:
        self._value = value

    def __await__(self):
        yield from ()
        return self._value


class OneProcess:
    """`async with OneProcess(model) as server:` has `client`, `detector` and `generator`."""

    def __init__(
        self,
        model,
        *,
        most_waiting: int = 8,
        most_images: int = 4,
        seconds: float = 600,
        guard: GuardSettings | None = None,
    ) -> None:
        self._model, self._most_waiting = str(model), most_waiting
        self._guard = guard or GuardSettings()
        self._keeping = {"most_images": most_images, "seconds": seconds}

    async def __aenter__(self) -> Self:
        self.detector = PromptDetector.func_or_class(self._model, "cpu", feature_bytes=2**28, **self._keeping)
        self.generator = SentenceGenerator.func_or_class(self._model, "cpu")
        self.images = Images(most_bytes=2**28, store=_Stored, **self._keeping)
        terms = vocabulary.load()
        desk = Desk(
            images=self.images,
            asking=Asking(Handle(self.detector), Handle(self.generator), shards=1, most_waiting=self._most_waiting),
            vocabulary=terms,
            prompt_sets={name: prompts.queries for name, prompts in prompt_sets(terms).items()},
            request_seconds=60,
        )
        self.app = http_application(desk, self._guard)
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()
