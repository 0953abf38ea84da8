"""A client in Python: `with Client("http://127.0.0.1:8000") as client: …`; it needs neither Ray nor torch.

Boxes are (x_min, y_min, x_max, y_max), relative to the original image.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from serve.answer_schemas import (
    EVENT_STREAM,
    AnswersOut,
    BatchOut,
    FindingOut,
    ImageAnswersOut,
    ImageOut,
    ImageReportOut,
    ReportOut,
    VocabularyOut,
)
from serve.client_messages import (
    Event,
    Question,
    Refused,
    lines_of,
    named,
    problem_of,
    queries_in,
    read_event,
    report_in,
    seconds_to_wait,
)
from serve.deadlines import HEADER


class Client:
    """Questions to a Chex-Ray server. A file is its bytes or its path; a query a text, or {"text"?, "box"?, "name"?, …}.

    token: sent as a bearer token. seconds: how long each request may take; the server, too, gives up after that.
    tries: of a request that is answered 503, each after what the server's Retry-After says.
    Raises Refused, and httpx.TransportError where there is no answer.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        seconds: float = 60,
        tries: int = 5,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {HEADER: str(seconds)} | ({"authorization": f"Bearer {token}"} if token else {})
        self._http = httpx.Client(base_url=address, headers=headers, timeout=seconds + 5, transport=transport)
        self._tries = tries

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def upload(self, file: bytes | Path | str) -> ImageOut:
        """A DICOM, JPEG or PNG file; its `image_id` is what is asked about."""
        return ImageOut.model_validate_json(self._post("/v1/images", files={"file": named(file)}).content)

    def ask(
        self, image_id: str, *queries: Question, labels: Sequence[str] = (), sentences: bool = True
    ) -> list[FindingOut]:
        """A finding per query, with the probabilities of `labels`."""
        asked = queries_in(queries, labels, sentences)
        answer = self._post(f"/v1/images/{image_id}/queries", json=asked.model_dump(exclude_defaults=True))
        return AnswersOut.model_validate_json(answer.content).findings

    def ask_once(
        self, file: bytes | Path | str, *queries: Question, labels: Sequence[str] = (), sentences: bool = True
    ) -> ImageAnswersOut:
        """The same about an image that the server does not keep."""
        asked = queries_in(queries, labels, sentences).model_dump_json(exclude_defaults=True)
        answer = self._post("/v1/queries", files={"file": named(file)}, data={"request": asked})
        return ImageAnswersOut.model_validate_json(answer.content)

    def report(
        self, image_id: str, *, prompts: Sequence[Question] | None = None, prompt_set: str | None = None
    ) -> ReportOut:
        """The report by a named prompt set, by prompts of one's own, or by the default set."""
        asked = report_in(prompts, prompt_set).model_dump(exclude_defaults=True)
        return ReportOut.model_validate_json(self._post(f"/v1/images/{image_id}/report", json=asked).content)

    def report_once(
        self,
        file: bytes | Path | str,
        *,
        prompts: Sequence[Question] | None = None,
        prompt_set: str | None = None,
    ) -> ImageReportOut:
        """The same of an image that the server does not keep."""
        asked = report_in(prompts, prompt_set).model_dump_json(exclude_defaults=True)
        answer = self._post("/v1/report", files={"file": named(file)}, data={"request": asked})
        return ImageReportOut.model_validate_json(answer.content)

    def report_events(
        self, image_id: str, *, prompts: Sequence[Question] | None = None, prompt_set: str | None = None
    ) -> Iterator[Event]:
        """("selected", findings without sentences), ("finding", finding) …, ("report", report), each as it is ready.

        Whoever stops reading closes the iterator, and the server stops writing.
        """
        asked = report_in(prompts, prompt_set).model_dump(exclude_defaults=True)
        request = self._http.build_request(
            "POST", f"/v1/images/{image_id}/report", json=asked, headers={"accept": EVENT_STREAM}
        )
        response = self._sent(request, stream=True)
        try:
            kind = ""
            for line in lines_of(response):
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield read_event(kind, value)
        finally:
            response.close()

    def ask_all(
        self,
        files: Sequence[bytes | Path | str],
        *queries: Question,
        labels: Sequence[str] = (),
        sentences: bool = True,
    ) -> BatchOut:
        """The same queries about several images; each is answered, or has a problem of its own."""
        asked = queries_in(queries, labels, sentences).model_dump_json(exclude_defaults=True)
        return self._batch("/v1/batch/queries", files, asked)

    def report_all(
        self,
        files: Sequence[bytes | Path | str],
        *,
        prompts: Sequence[Question] | None = None,
        prompt_set: str | None = None,
    ) -> BatchOut:
        """A report of each of several images."""
        return self._batch(
            "/v1/batch/reports", files, report_in(prompts, prompt_set).model_dump_json(exclude_defaults=True)
        )

    def export(
        self,
        image_id: str,
        format: str,
        findings: Sequence[FindingOut] | None = None,
        *,
        report: ReportOut | None = None,
    ) -> bytes:
        """The report as a file of a format that `vocabulary` names: `report`, with these findings in place of its own
        where there are any; without both, one that the model writes now.
        """
        asked: dict[str, Any] = {"format": format}
        if report is not None:
            asked |= {"provenance": report.provenance.model_dump(), "edited": findings not in (None, report.findings)}
            findings = report.findings if findings is None else findings
        if findings is not None:
            asked["findings"] = [finding.model_dump() for finding in findings]
        return self._post(f"/v1/images/{image_id}/export", json=asked).content

    def pixels(self, image_id: str) -> bytes:
        """The uploaded image as PNG, as the model sees it."""
        return self._sent(self._http.build_request("GET", f"/v1/images/{image_id}/pixels")).content

    def vocabulary(self) -> VocabularyOut:
        """What can be named in requests."""
        return VocabularyOut.model_validate_json(self._sent(self._http.build_request("GET", "/v1/vocabulary")).content)

    def _batch(self, path: str, files: Sequence[bytes | Path | str], asked: str) -> BatchOut:
        answer = self._post(path, files=[("files", named(file)) for file in files], data={"request": asked})
        return BatchOut.model_validate_json(answer.content)

    def _post(self, path: str, **content: Any) -> httpx.Response:
        return self._sent(self._http.build_request("POST", path, **content))

    def _sent(self, request: httpx.Request, stream: bool = False) -> httpx.Response:
        for left in reversed(range(self._tries)):
            response = self._http.send(request, stream=stream)
            if response.status_code != 503 or not left:
                break
            response.close()
            time.sleep(seconds_to_wait(response.headers.get("retry-after")))
        if response.is_error:
            response.read()
            raise Refused(problem_of(response))
        return response
