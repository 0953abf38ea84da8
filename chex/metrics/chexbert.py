"""CheXbert (Smit et al., EMNLP 2020): report → the 14 CheXpert labels, by a BERT whose weights the user supplies.

The weights are not ours to give; their licence is Stanford's. Why not `f1chexbert` or radeval's: both fetch weights
when constructed, take none from a folder, and give scores for whole sets alone, which have no bootstrap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING

from chex.metrics.assertion import ABSENT, PRESENT, UNCERTAIN

if TYPE_CHECKING:
    import torch
    from torch import Tensor

NAME = "CheXbert"
LABELS = (  # in the order of the checkpoint's heads
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
    "No Finding",
)
_CLASSES = (None, PRESENT, ABSENT, UNCERTAIN)  # of a head: not mentioned, … ; "No Finding" has the first two
_WEIGHTS = "model_state_dict"
_LONGEST = 512  # tokens, both marks counted; what goes beyond is not read


class CheXbert:
    """Reads reports as the rule-based reader does: `read_report(sentences) -> {label: 1, 0 or -1}`."""

    name = NAME

    def __init__(
        self, checkpoint: str | Path, bert: str | Path, *, device: str | torch.device = "cpu", batch_size: int = 32
    ) -> None:
        """checkpoint: the published `chexbert.pth`. bert: a local folder with configuration and tokenizer (config.json,
        vocab.txt) of the BERT it was trained from, `bert-base-uncased`; nothing is fetched.

        Raises FileNotFoundError where one of them is missing, and ValueError where the weights are no CheXbert's.
        """
        import torch
        from torch import nn
        from transformers import BertConfig, BertModel, BertTokenizer

        for needed in (Path(checkpoint), Path(bert) / "config.json", Path(bert) / "vocab.txt"):
            if not needed.is_file():
                raise FileNotFoundError(f"CheXbert needs {needed}; there is no such file")
        if batch_size < 1:
            raise ValueError(f"the batch size must be at least 1; found {batch_size}")
        self._device, self._batch_size = torch.device(device), batch_size
        self._tokenizer = BertTokenizer.from_pretrained(str(bert))
        config = BertConfig.from_pretrained(str(bert))
        heads = [nn.Linear(config.hidden_size, 2 if label == "No Finding" else len(_CLASSES)) for label in LABELS]
        model = nn.ModuleDict({"bert": BertModel(config), "linear_heads": nn.ModuleList(heads)})
        _load(model, checkpoint)
        self._model = model.to(self._device).eval()

    def read_report(self, sentences: Iterable[str]) -> dict[str, int]:
        """Label → 1 present, 0 absent, −1 uncertain; what is not mentioned is left out."""
        return self.read_reports([sentences])[0]

    def read_reports(self, reports: Iterable[Iterable[str]]) -> list[dict[str, int]]:
        """The same for many reports, in batches of similar length."""
        texts = [_text(sentences) for sentences in reports]
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        found: list[dict[str, int]] = [{} for _ in texts]
        for start in range(0, len(order), self._batch_size):
            places = order[start : start + self._batch_size]
            for place, classes in zip(places, self._classes([texts[place] for place in places]), strict=True):
                values = {label: _CLASSES[chosen] for label, chosen in zip(LABELS, classes, strict=True)}
                found[place] = {label: value for label, value in values.items() if value is not None}
        return found

    def _classes(self, texts: Sequence[str]) -> list[list[int]]:
        """(B, 14): the likeliest class of each head, read from the first token's last state."""
        import torch

        tokens = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt"
        ).to(self._device)
        with torch.inference_mode():
            state = self._model["bert"](**tokens).last_hidden_state[:, 0]
            chosen = [head(state).argmax(dim=1) for head in self._model["linear_heads"]]
        return torch.stack(chosen, dim=1).tolist()


def _text(sentences: Iterable[str]) -> str:
    if isinstance(sentences, str):
        raise TypeError("a list of sentences expected, found one string")
    return " ".join(" ".join(sentences).split())


def _load(model: torch.nn.Module, checkpoint: str | Path) -> None:
    """The published format: `model_state_dict` of a DataParallel, with "module." before every name."""
    import torch

    try:
        stored = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except UnpicklingError as problem:
        raise ValueError(f"{checkpoint} is not read, for it holds more than weights: {problem}") from problem
    if not isinstance(stored, dict) or _WEIGHTS not in stored:
        raise ValueError(f"{checkpoint} is no CheXbert checkpoint: there is no {_WEIGHTS!r} in it")
    weights: dict[str, Tensor] = {name.removeprefix("module."): value for name, value in stored[_WEIGHTS].items()}
    weights.pop("bert.embeddings.position_ids", None)  # 0, 1, 2 …: older versions of transformers stored them
    try:
        model.load_state_dict(weights)
    except RuntimeError as problem:
        raise ValueError(f"{checkpoint} does not fit CheXbert: {problem}") from problem
