"""Token ids of CLIP's tokenizer for texts with entities, quotes, odd signs and too many words."""

from __future__ import annotations

from tests.parity.cases import Case
from tests.parity.comparison import NotCompared
from tests.parity.full_model.recorded_model import clip_tokenizer_of
from tests.parity.registry import Found, check


@check("clip_tokenize")
def clip_tokenize(case: Case) -> Found:
    found: dict = {"extra.value": NotCompared("compared one by one below")}
    tokenizer = clip_tokenizer_of(case.folder)
    for i, recorded in enumerate(case.extra["value"]):
        context = len(recorded["ids"])
        ids, lengths = tokenizer.encode([recorded["text"]], context=context)
        row = ids[0, : int(lengths)].tolist()
        found[f"{i}.ids"] = (row + [0] * (context - len(row)), recorded["ids"])
    return found
