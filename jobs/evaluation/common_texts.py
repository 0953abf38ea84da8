"""The commonest texts of the train split, counted while they pass by: what one says without looking at the image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Text = tuple[str, ...]  # its sentences
MOST_COUNTED = 50_000  # texts of a group; when there are more, the rarer half is forgotten
KEPT = 20  # commonest texts of a group that notes hold


class CommonTexts:
    """Texts by group, such as the region that they describe."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[Text]] = {}

    def add(self, group: str, text: Sequence[str]) -> None:
        counts = self._counts.setdefault(group, Counter())
        counts[tuple(text)] += 1
        if len(counts) > MOST_COUNTED:
            self._counts[group] = Counter(dict(counts.most_common(MOST_COUNTED // 2)))

    @property
    def groups(self) -> list[str]:
        return list(self._counts)

    def commonest(self, group: str) -> list[Text]:
        """Up to `KEPT` texts, the most frequent first, of equally frequent ones the first in the alphabet."""
        ranked = sorted(self._counts.get(group, Counter()).items(), key=lambda entry: (-entry[1], entry[0]))
        return [text for text, _ in ranked[:KEPT]]

    def notes(self) -> dict[str, Any]:
        """JSON values, for `recall`."""
        return {
            group: [[list(text), counts[text]] for text in self.commonest(group)]
            for group, counts in self._counts.items()
        }

    def recall(self, notes: Mapping[str, Sequence]) -> None:
        self._counts = {group: Counter({tuple(text): count for text, count in texts}) for group, texts in notes.items()}
