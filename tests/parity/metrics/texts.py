"""Words in common between generated and reference texts, of all texts and of classes of texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chex.metrics.meteor import MeteorMissing, meteor, meteor_counts
from chex.metrics.text import bleu, rouge_l, words
from tests.parity.cases import Case
from tests.parity.comparison import Compared, NotCompared
from tests.parity.metrics.recorded_figures import compared, given
from tests.parity.registry import Found, check

SMOOTHING = (1e-15, 1e-9)  # pycocoevalcap's
_PREFIX, _MEAN = "_reg/", "_mac"


@check("nlg")
def nlg(case: Case) -> Found:
    parts = case.extra
    pairs = [(said, true) for said, true in zip(parts["hyp"], parts["ref"], strict=True) if true]
    classes = [number for number, true in zip(parts["macro_ids"], parts["ref"], strict=True) if true]
    recorded = dict(parts["result"])
    found = _meteor(pairs, recorded.pop("METEOR"))
    return {
        **given(case, "hyp", "ref", "macro_ids"),
        **compared("result", _scores(pairs), recorded),
        "result.METEOR": found,
        **compared("macro_result", _by_class(pairs, classes, parts["macro_result"]), parts["macro_result"]),
        "extra.prepared": Compared(
            {key: [" ".join(words(text, "published")) for text in texts] for key, texts in parts["prepared"].items()},
            parts["prepared"],
            note="prepared once more: what they were before is not recorded",
        ),
    }


def _scores(pairs: Sequence[tuple[str, str]]) -> dict[str, float]:
    said, true = ([words(pair[side], "published") for pair in pairs] for side in (0, 1))
    found = {f"BLEU-{n}": value for n, value in enumerate(bleu(said, true, smoothing=SMOOTHING)[0], start=1)}
    return found | {"Rouge-L": rouge_l(said, true).mean()}


def _by_class(pairs: Sequence[tuple[str, str]], classes: Sequence[int], recorded: dict) -> dict[str, float]:
    """Each class's texts as a set of their own, and the mean over classes."""
    names = list(dict.fromkeys(key.partition(_PREFIX)[2] for key in recorded if _PREFIX in key))
    numbers = sorted(set(classes))
    per_class = [_scores([pair for pair, own in zip(pairs, classes) if own == number]) for number in numbers]
    found = {f"{score}{_MEAN}": np.mean([scores[score] for scores in per_class]) for score in per_class[0]}
    for name, scores in zip(names, per_class, strict=True):
        found |= {f"{score}{_PREFIX}{name}": value for score, value in scores.items()}
    return found


def _meteor(pairs: Sequence[tuple[str, str]], recorded: float) -> Compared | NotCompared:
    said, true = ([" ".join(words(pair[side], "published")) for pair in pairs] for side in (0, 1))
    try:
        counts = meteor_counts(said, true)
    except MeteorMissing as missing:
        return NotCompared(str(missing))
    return Compared(float(meteor(counts)[0]), recorded)
