"""A few training texts drawn by their names, the same on every machine and in whatever order they pass by."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from typing import Any

from pipelines.splits import position

MOST = 200


class TextSample:
    def __init__(self) -> None:
        self._drawn: list[tuple[float, tuple[str, ...]]] = []

    def add(self, name: str, text: Sequence[str]) -> None:
        """Keeps the text if its name is among the `MOST` first in an order that no content decides."""
        insort(self._drawn, (position(name), tuple(text)))
        del self._drawn[MOST:]

    @property
    def texts(self) -> list[tuple[str, ...]]:
        return [text for _, text in self._drawn]

    def notes(self) -> list[Any]:
        """JSON values, for `recall`."""
        return [[place, list(text)] for place, text in self._drawn]

    def recall(self, notes: Sequence[Any]) -> None:
        self._drawn = [(place, tuple(text)) for place, text in notes]
