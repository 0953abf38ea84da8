"""Byte-level BPE: trained on the project's own sentences, or brought along by pretrained parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer as Bpe
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

START, END = "<|startoftext|>", "<|endoftext|>"


class Tokenizer:
    """Texts to padded ids with start and end tokens, and back."""

    def __init__(self, bpe: Bpe, *, start: str = START, end: str = END) -> None:
        self._bpe = bpe
        self.start_id, self.end_id = (self._id_of(token) for token in (start, end))

    def _id_of(self, token: str) -> int:
        found = self._bpe.token_to_id(token)
        if found is None:
            raise ValueError(f"the tokenizer has no token {token!r}; its vocabulary has {len(self)} tokens")
        return found

    def __len__(self) -> int:
        return self._bpe.get_vocab_size()

    @classmethod
    def train(cls, sentences: Iterable[str], vocabulary_size: int, *, lowercase: bool) -> Tokenizer:
        bpe = Bpe(models.BPE())
        if lowercase:
            bpe.normalizer = normalizers.Lowercase()
        bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        bpe.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary_size,
            special_tokens=[START, END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        bpe.train_from_iterator(sentences, trainer)
        return cls(bpe)

    @classmethod
    def load(cls, file: Path | str) -> Tokenizer:
        return cls(Bpe.from_file(str(file)))

    def save(self, file: Path | str) -> None:
        self._bpe.save(str(file))

    def encode(self, texts: Sequence[str], *, context: int) -> tuple[Tensor, Tensor]:
        """ids (n, T) padded with the end token, lengths (n) with start and end token; T ≤ context.

        A longer text is cut and still ends with the end token.
        """
        rows = [[self.start_id, *e.ids[: context - 2], self.end_id] for e in self._bpe.encode_batch(list(texts))]
        lengths = [len(row) for row in rows]
        longest = max(lengths, default=2)
        ids = torch.tensor([row + [self.end_id] * (longest - len(row)) for row in rows], dtype=torch.long)
        return ids.view(len(rows), longest), torch.tensor(lengths, dtype=torch.long)

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        return [text.strip() for text in self._bpe.decode_batch([list(row) for row in rows])]
