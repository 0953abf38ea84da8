"""A natural language inference model of the user's choice, as the judge of grounded facts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_ENTAILMENT = "entail"  # how models call the class, with some ending


class NliModel:
    """(premises, hypothesis) of many questions → whether they are entailed: what `EntailmentJudge` asks for."""

    def __init__(
        self, model: str | Path, *, device: str | torch.device = "cpu", batch_size: int = 16, least: float = 0.5
    ) -> None:
        """model: folder (or name on the Hugging Face Hub) of a sequence classification model and its tokenizer, one of
        whose classes is called "entailment". least: the probability from which on it counts.

        Raises ValueError where no class, or several, are called so.
        """
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        if batch_size < 1 or not 0 <= least <= 1:
            raise ValueError(f"a batch size from 1 and a probability expected; found {batch_size} and {least}")
        self._device, self._batch_size, self._least = torch.device(device), batch_size, least
        self._tokenizer = AutoTokenizer.from_pretrained(str(model))
        self._model = AutoModelForSequenceClassification.from_pretrained(str(model)).to(self._device).eval()
        # RoBERTa has more positions than it takes tokens; some tokenizers know no limit at all
        self._longest = min(self._tokenizer.model_max_length, self._model.config.max_position_embeddings)
        self._class = _entailment_class(self._model.config.id2label)

    def __call__(self, questions: Sequence[tuple[tuple[str, ...], str]]) -> list[bool]:
        import torch

        answers: list[bool] = []
        for start in range(0, len(questions), self._batch_size):
            premises, hypotheses = zip(*questions[start : start + self._batch_size], strict=True)
            tokens = self._tokenizer(
                [" ".join(sentences) for sentences in premises],
                list(hypotheses),
                padding=True,
                truncation="only_first",
                max_length=self._longest,
                return_tensors="pt",
            ).to(self._device)
            with torch.inference_mode():
                probabilities = self._model(**tokens).logits.softmax(dim=1)[:, self._class]
            answers += (probabilities >= self._least).tolist()
        return answers


def _entailment_class(names: dict[int, str]) -> int:
    found = [index for index, name in names.items() if name.lower().startswith(_ENTAILMENT)]
    if len(found) != 1:
        raise ValueError(f"one class called entailment expected; the model has {list(names.values())}")
    return found[0]
