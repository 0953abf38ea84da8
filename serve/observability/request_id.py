"""Every request has an id: the client's own if well-formed, else a new one. It is in the answer, in problems and logs."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders

from serve.observability.requests import HEADER, WELL_FORMED, RequestRecord, begin, end, new_id
from serve.problems import problem_response


class RequestId:
    """Outermost. Ray Serve knows the same header: it makes an id, hands it to each deployment and returns it by itself.

    So an id that Serve accepted and we would not is refused, not replaced: one request would have two.
    """

    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        given = [value for name, value in scope["headers"] if name == HEADER.lower().encode()]
        well_formed = all(WELL_FORMED.fullmatch(value) for value in given) and len(given) <= 1
        record = RequestRecord(given[0].decode() if given and well_formed else new_id())

        async def with_id(message):
            if message["type"] == "http.response.start" and not _serve_adds_it():
                MutableHeaders(scope=message)[HEADER] = record.request_id
            await send(message)

        token = begin(record)
        try:
            if well_formed:
                await self._app(scope, receive, with_id)
            else:
                detail = f"{HEADER} has 1 to 128 letters, digits and ._:=+/-; without it a request is given an id"
                await problem_response(400, detail)(scope, receive, with_id)
        finally:
            end(token)


def _serve_adds_it() -> bool:
    from ray import serve
    from ray.serve.exceptions import RayServeException

    try:
        serve.get_replica_context()
    except RayServeException:
        return False
    return True
