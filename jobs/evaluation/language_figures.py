"""How near are the words of generated texts to those of their references? METEOR, BLEU, ROUGE-L and CIDEr-D."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from chex.metrics.bootstrap import weighted_mean
from chex.metrics.meteor import MeteorMissing, meteor, meteor_counts
from chex.metrics.text import bleu_counts, bleu_of, cider, rouge_l, words
from jobs.evaluation.figure import Figure
from jobs.evaluation.task import SpreadOf
from jobs.evaluation.text_pairs import Sentences, TextPairs

Statistic = Callable[[np.ndarray | None], np.ndarray]  # weights (D, N) → (D,)
_WORDS = "words in lower case, punctuation apart"
DEFINITIONS = {
    "meteor": "METEOR 1.5, words matched as they are, by stem, synonym and paraphrase; micro: of all {of}s together",
    "bleu_1": f"BLEU-1, micro: of all {{of}}s together; {_WORDS}",
    "bleu_4": f"BLEU-4, micro: of all {{of}}s together; {_WORDS}",
    "rouge_l": f"ROUGE-L (β = 1.2), mean over {{of}}s; {_WORDS}",
    "cider": f"CIDEr-D, mean over {{of}}s, rarity of words from these references; {_WORDS}",
}


def language_figures(
    prefix: str, pairs: TextPairs, spread: SpreadOf, with_meteor: bool = True
) -> tuple[dict[str, Figure], dict[str, str]]:
    """Figures PREFIX_SCORE, and those that cannot be made on this machine, each with the reason.

    Of a baseline that is drawn several times only the first drawing counts.
    """
    said = {"": pairs.said, **{name: drawn[0] for name, drawn in pairs.baselines.items()}}
    statistics = {name: _statistics(texts, pairs.references) for name, texts in said.items()}
    missing = {}
    if with_meteor:
        try:
            for name, found in _meteors(said, pairs.references).items():
                statistics[name]["meteor"] = found
        except MeteorMissing as reason:
            missing[f"{prefix}_meteor"] = str(reason)
    figures = {}
    for score in (score for score in DEFINITIONS if score in statistics[""]):
        baselines = {name: float(statistics[name][score](None)[0]) for name in pairs.baselines}
        statistic = statistics[""][score]
        figures[f"{prefix}_{score}"] = Figure(
            value=float(statistic(None)[0]),
            baselines=baselines,
            baseline=max(baselines, key=baselines.get),
            definition=f"{DEFINITIONS[score].format(of=pairs.of)}; 0 to {10 if score == 'cider' else 1}, more is better",
            samples=pairs.samples,
            spread=pairs.spread(spread, statistic),
        )
    return figures, missing


def _statistics(texts: Sequence[Sentences], references: Sequence[Sentences]) -> dict[str, Statistic]:
    said, true = ([words(" ".join(text)) for text in side] for side in (texts, references))
    counts, longest, rare = bleu_counts(said, true), rouge_l(said, true), cider(said, true)
    return {
        "bleu_1": lambda weights: bleu_of(counts, weights)[:, 0],
        "bleu_4": lambda weights: bleu_of(counts, weights)[:, 3],
        "rouge_l": partial(weighted_mean, longest),
        "cider": partial(weighted_mean, rare),
    }


def _meteors(said: dict[str, Sequence[Sentences]], references: Sequence[Sentences]) -> dict[str, Statistic]:
    """Of all sides with one start of the program, which takes longer than many texts do."""
    texts = [" ".join(text) for side in said.values() for text in side]
    counts = meteor_counts(texts, [" ".join(true) for true in references] * len(said))
    return {name: partial(meteor, side) for name, side in zip(said, np.split(counts, len(said)), strict=True)}
