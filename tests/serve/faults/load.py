"""Clients that ask one after another until they are told to stop, and know what every answer has to be."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

from tests.serve.asking import png, upload
from tests.serve.in_threads import InThreads

TEXTS = ("edema", "pleural effusion", "nodule", "right lung")


@dataclass(slots=True)
class Outcome:
    began: float
    seconds: float
    status: int
    model: str | None  # whose answer it is; None if it is nobody's


@dataclass
class Load(InThreads):
    """`with load:` asks with `clients` threads at once. expected: model → (image, text) → answer."""

    url: str
    headers: dict[str, str]
    expected: dict[str, dict[tuple[str, str], list]]
    clients: int = 6
    outcomes: list[Outcome] = field(default_factory=list)

    def _clients(self) -> list[list[tuple[str, str]]]:
        questions = list(next(iter(self.expected.values())))
        return [questions[number:] + questions[:number] for number in range(self.clients)]

    @property
    def statuses(self) -> Counter:
        return Counter(outcome.status for outcome in self.outcomes)

    @property
    def models(self) -> Counter:
        return Counter(outcome.model for outcome in self.outcomes if outcome.status == 200)

    def _ask(self, questions: list[tuple[str, str]]) -> None:
        with httpx.Client(base_url=self.url, headers=self.headers, timeout=120) as client:
            while not self._stop.is_set():
                for question in questions:
                    began = time.monotonic()
                    try:
                        answer = asked(client, *question)
                        status, model = answer.status_code, self._whose(question, answer)
                    except httpx.TransportError:
                        status, model = 0, None
                    self.outcomes.append(Outcome(began, time.monotonic() - began, status, model))
                    if self._stop.is_set():
                        return

    def _whose(self, question: tuple[str, str], answer: httpx.Response) -> str | None:
        if answer.status_code != 200:
            return None
        told = told_in(answer)
        return next((model for model, answers in self.expected.items() if alike(answers[question], told)), None)


def asked(client: httpx.Client, image_id: str, text: str) -> httpx.Response:
    return client.post(f"/v1/images/{image_id}/queries", json={"queries": [{"text": text}]})


def told_in(answer: httpx.Response) -> list:
    """The sentence, and the numbers of the boxes."""
    (finding,) = answer.json()["findings"]
    return [finding["sentence"], *(number for box in finding["boxes"] for number in (*box["box"], box["score"]))]


def alike(one: list, other: list) -> bool:
    if len(one) != len(other) or one[0] != other[0]:
        return False
    return all(abs(a - b) < 1e-4 for a, b in zip(one[1:], other[1:]))


def answers_one_by_one(client: httpx.Client) -> dict[tuple[str, str], list]:
    """What each question is answered when nothing else is asked."""
    return {(image, text): told_in(asked(client, image, text)) for image in upload_all(client) for text in TEXTS}


def upload_all(client: httpx.Client) -> list[str]:
    return [upload(client, png(seed)).json()["image_id"] for seed in range(3)]
