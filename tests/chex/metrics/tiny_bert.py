"""A BERT of a few words and weights: vocabulary and configuration of the readers and judges that are built on one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import BertConfig

_MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_WORDS = ("no", "small", "left", "effusion", "edema", "heart", "large", ".")


def tiny_bert(folder: Path, **options: Any) -> BertConfig:
    """Writes the vocabulary into the folder; gives the configuration with these options."""
    words = (*_MARKS, *_WORDS)
    (folder / "vocab.txt").write_text("\n".join(words))
    return BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        initializer_range=0.5,
        **options,
    )
