"""METEOR 1.5 (Denkowski and Lavie, 2014): words matched as they are, by stem, synonym or paraphrase.

The matching is done by the published program: a Java archive with its tables, which pycocoevalcap carries (the extra
`meteor`). What it counts per pair is scored here, so that any weighting of the pairs has its figure.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from chex.metrics.bootstrap import as_weights

# The program's own constants for English
_RECALL_SHARE = 0.85  # alpha: recall in the harmonic mean
_FRAGMENT_POWER = 0.2  # beta
_FRAGMENT_COST = 0.6  # gamma
_CONTENT_SHARE = 0.75  # delta: content words against function words
_MATCHERS = np.array([1.0, 0.6, 0.8, 0.6])  # what a match counts: the word itself, its stem, a synonym, a paraphrase
_COUNTS = 23  # per pair: 4 numbers of words, 4 of each matcher, chunks, matched words of both sides
_MEMORY = "-Xmx2G"


class MeteorMissing(RuntimeError):
    """The program or Java is not there; the message says what to install."""


def meteor_counts(texts: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """(N, 23): what METEOR counts for every pair; texts as they are, for the program has its own idea of words.

    Starts one Java process (some seconds). Raises MeteorMissing, and RuntimeError if the program fails.
    """
    if len(texts) != len(references):
        raise ValueError(f"one reference per text expected; found {len(references)} for {len(texts)} texts")
    if not texts:
        return np.zeros((0, _COUNTS))
    asked = [f"SCORE ||| {_line(true)} ||| {_line(said)}" for said, true in zip(texts, references, strict=True)]
    rows = list(_answers(asked))
    if len(rows) != len(asked) or any(len(row) != _COUNTS for row in rows):
        raise RuntimeError(f"METEOR answered {len(rows)} of {len(asked)} pairs, or not with {_COUNTS} numbers each")
    return np.array(rows)


def meteor(counts: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(D,): METEOR of all pairs together, 0 … 1, more is better; counts (N, 23) of `meteor_counts`.

    The harmonic mean of precision and recall of matched words (recall counts 0.85), less up to 0.6 for matches that do
    not stand together. All pairs are counted together: this is not the mean of the pairs' scores.
    """
    counts = np.array(counts, dtype=np.float64).reshape(-1, _COUNTS)
    counts[_same_words(counts), 20] = 0  # a text that is its reference is not in fragments
    total = as_weights(weights, len(counts)) @ counts  # (D, 23)
    said, true, said_function, true_function = total[:, :4].T
    matches = np.tensordot(total[:, 4:20].reshape(-1, 4, 4), _MATCHERS, axes=(1, 0))  # (D, 4)
    chunks, said_matched, true_matched = total[:, 20:].T
    precision = _share(matches[:, 0], matches[:, 2], said - said_function, said_function)
    recall = _share(matches[:, 1], matches[:, 3], true - true_function, true_function)
    below = _RECALL_SHARE * precision + (1 - _RECALL_SHARE) * recall
    mean = np.divide(precision * recall, below, out=np.zeros_like(below), where=below > 0)
    matched = (said_matched + true_matched) / 2
    fragments = np.divide(chunks, matched, out=np.zeros_like(matched), where=matched > 0)
    return mean * (1 - _FRAGMENT_COST * fragments**_FRAGMENT_POWER)


def _same_words(counts: np.ndarray) -> np.ndarray:
    """(N,) True where all words of both sides match, in one piece."""
    said, true, chunks, said_matched, true_matched = counts[:, [0, 1, 20, 21, 22]].T
    return (said == said_matched) & (true == true_matched) & (chunks == 1)


def _share(content: np.ndarray, function: np.ndarray, content_words: np.ndarray, function_words: np.ndarray):
    words = _CONTENT_SHARE * content_words + (1 - _CONTENT_SHARE) * function_words
    matched = _CONTENT_SHARE * content + (1 - _CONTENT_SHARE) * function
    return np.divide(matched, words, out=np.zeros_like(words), where=words > 0)


def _line(text: str) -> str:
    """One line without the mark that parts the fields."""
    return " ".join(text.replace("|||", " ").split())


def _answers(lines: Sequence[str]) -> Iterator[list[float]]:
    jar = _program()
    command = [_java(), _MEMORY, "-jar", jar.name, "-", "-", "-stdio", "-l", "en", "-norm"]
    said = subprocess.run(
        command,
        check=False,
        cwd=jar.parent,
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if said.returncode:
        raise RuntimeError(f"METEOR ended with {said.returncode}: {said.stderr.strip()[-300:]}")
    for line in said.stdout.splitlines():
        yield [float(number) for number in line.split()]


def _program() -> Path:
    package = importlib.util.find_spec("pycocoevalcap")
    folders = (package.submodule_search_locations if package else None) or ()
    jars = [jar for folder in folders if (jar := Path(folder) / "meteor" / "meteor-1.5.jar").is_file()]
    if not jars:
        raise MeteorMissing("METEOR's program is missing: pip install 'chex-ray[meteor]'")
    return jars[0]


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        raise MeteorMissing("METEOR is a Java program, and no java is on the path: install a Java runtime")
    return java
