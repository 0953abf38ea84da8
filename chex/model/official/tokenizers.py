"""The two tokenizers a checkpoint does not hold: CLIP's, from its table of merges, and the language model's own."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Bpe

from chex.model.official.hub import downloaded
from chex.model.tokenizer import END, START, Tokenizer, TokenizerConfig

CLIP_HUB_ID = "openai/clip-vit-base-patch32"
LANGUAGE_MODEL_HUB_ID = "healx/gpt-2-pubmed-medium"
CLIP_MERGES = 48_894  # OpenAI's table is longer than what CLIP was trained with
_WORD = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"
_WORD_END = "</w>"
_MOST_BYTES = 64 * 2**20


def clip_tokenizer(source: Path | str = CLIP_HUB_ID) -> Tokenizer:
    """CLIP's tokenizer from a table of merges (a file, plain or gzip; a folder with merges.txt; a hub id).

    Gives the ids of OpenAI's own tokenizer. Raises FileNotFoundError or ValueError that names the source.
    """
    merges = _merges(_table(source))
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*alphabet, *(letter + _WORD_END for letter in alphabet), *("".join(pair) for pair in merges), START, END]
    vocabulary = {word: number for number, word in enumerate(words)}
    if len(vocabulary) != len(words):
        raise ValueError(f"{source} is no table of merges: it makes {len(words) - len(vocabulary)} tokens twice")
    try:
        bpe = Bpe(models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix=_WORD_END, unk_token=END))
    except Exception as error:  # the library raises nothing more precise
        raise ValueError(f"{source} is no table of merges: {error}") from error
    bpe.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    bpe.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(_WORD), behavior="removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    bpe.decoder = decoders.Sequence([decoders.Replace(_WORD_END, "Ġ"), decoders.ByteLevel()])  # Ġ: byte-level's space
    bpe.add_special_tokens([AddedToken(START, normalized=False), AddedToken(END, normalized=False)])
    return Tokenizer(bpe, TokenizerConfig(cleaning="clip"))


def _table(source: Path | str) -> Path:
    path = Path(source)
    if path.is_file():
        return path
    if path.is_dir():
        found = [*sorted(path.glob("merges.txt")), *sorted(path.glob("bpe_simple_vocab*"))]
        if not found:
            raise FileNotFoundError(f"{path} holds neither merges.txt nor bpe_simple_vocab_16e6.txt.gz")
        return found[0]
    return Path(downloaded(str(source), "merges.txt"))


def _merges(table: Path) -> list[tuple[str, str]]:
    content = table.read_bytes()
    try:
        if content[:2] == b"\x1f\x8b":
            with gzip.open(table) as file:
                content = file.read(_MOST_BYTES)
        lines = content.decode("utf-8").split("\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ValueError(f"{table} is no table of merges: {error}") from error
    pairs = [tuple(line.split()) for line in lines[1 : CLIP_MERGES + 1]]  # the first line is a heading
    if len(pairs) < CLIP_MERGES or any(len(pair) != 2 for pair in pairs):
        good = sum(len(pair) == 2 for pair in pairs)
        raise ValueError(
            f"{table} is not CLIP's table of merges: expected {CLIP_MERGES} pairs behind a heading, found {good}"
        )
    return pairs


def language_model_config(source: Path | str = LANGUAGE_MODEL_HUB_ID) -> dict[str, Any]:
    """config.json of a GPT-2 in a folder or on the hub. Raises FileNotFoundError or ValueError that names the source."""
    file = Path(source) / "config.json" if Path(source).is_dir() else Path(downloaded(str(source), "config.json"))
    if not file.is_file():
        raise FileNotFoundError(f"{source} is no language model: config.json not found")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is not valid JSON: {error}") from error
    kind = content.get("model_type") if isinstance(content, dict) else None
    if kind != "gpt2":
        raise ValueError(f"{source} is a language model of type {kind!r}, expected 'gpt2'")
    return content


def language_model_tokenizer(source: Path | str = LANGUAGE_MODEL_HUB_ID) -> Tokenizer:
    """GPT-2's tokenizer from a folder or the hub; a sentence starts and ends with <|endoftext|>."""
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(str(source), trust_remote_code=False)
        bpe = Bpe.from_str(found.backend_tokenizer.to_str())
    except Exception as error:  # what it raises for a folder without a tokenizer differs from version to version
        raise ValueError(f"no tokenizer of a language model could be read from {source}: {error}") from error
    # transformers 4, which the authors used, tidied unless the tokenizer's own settings said otherwise
    tidy = found.init_kwargs.get("clean_up_tokenization_spaces")
    return Tokenizer(bpe, TokenizerConfig(start=END, end=END, tidy_spaces=True if tidy is None else bool(tidy)))
