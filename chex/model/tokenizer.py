"""Byte-level BPE: trained on the project's own sentences, or brought along by pretrained parts."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from tokenizers import Tokenizer as Bpe
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

START, END = "<|startoftext|>", "<|endoftext|>"
_SPACED = re.compile(r" (?=[.?!,]|n't|'m|'s|'ve|'re)")


@dataclass(frozen=True)
class TokenizerConfig:
    """What a vocabulary's file does not say.

    cleaning: "clip" repairs and lower-cases texts as CLIP was trained with (ftfy, HTML entities, white space).
    tidy_spaces: written sentences lose the space before a full stop and the like, as Hugging Face did for GPT-2.
    """

    start: str = START
    end: str = END
    cleaning: Literal["none", "clip"] = "none"
    tidy_spaces: bool = False


class Tokenizer:
    """Texts to padded ids with start and end tokens, and back."""

    def __init__(self, bpe: Bpe, config: TokenizerConfig | None = None) -> None:
        self._bpe = bpe
        bpe.no_padding()
        bpe.no_truncation()
        self.config = config or TokenizerConfig()
        self.start_id, self.end_id = (self._id_of(token) for token in (self.config.start, self.config.end))

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
    def load(cls, file: Path | str, config: TokenizerConfig | None = None) -> Tokenizer:
        """Raises ValueError where the file is no tokenizer or lacks the start or end token."""
        try:
            bpe = Bpe.from_file(str(file))
        except Exception as error:  # the library raises nothing more precise
            raise ValueError(f"{file} is no tokenizer: {error}") from error
        return cls(bpe, config)

    def save(self, file: Path | str) -> None:
        self._bpe.save(str(file))

    def encode(self, texts: Sequence[str], *, context: int) -> tuple[Tensor, Tensor]:
        """ids (n, T) padded with the end token, lengths (n) with start and end token; T ≤ context.

        A longer text is cut and still ends with the end token. Raises ValueError for a context without room for both.
        """
        if context < 2:
            raise ValueError(f"a context of at least 2 tokens expected; found {context}")
        cleaned = [clip_cleaned(text) for text in texts] if self.config.cleaning == "clip" else list(texts)
        encoded = self._bpe.encode_batch(cleaned, add_special_tokens=False)
        rows = [[self.start_id, *e.ids[: context - 2], self.end_id] for e in encoded]
        lengths = [len(row) for row in rows]
        longest = max(lengths, default=2)
        ids = torch.tensor([row + [self.end_id] * (longest - len(row)) for row in rows], dtype=torch.long)
        return ids.view(len(rows), longest), torch.tensor(lengths, dtype=torch.long)

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        texts = self._bpe.decode_batch([list(row) for row in rows])
        return [(_SPACED.sub("", text) if self.config.tidy_spaces else text).strip() for text in texts]


def clip_cleaned(text: str) -> str:
    """A text as CLIP's own tokenizer sees it: encoding faults and entities repaired, single spaces, lower case."""
    import ftfy

    repaired = html.unescape(html.unescape(ftfy.fix_text(text)))
    return " ".join(repaired.split()).lower()
