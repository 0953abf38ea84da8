"""Probabilities of findings from ROI tokens and prompts (MODEL: cosine to the positive against the negative prompt)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from chex.inference.negative_prompts import NegativeMode, negative_side
from chex.model.chex import Chex
from chex.records import Query
from chex.vocabulary import Vocabulary

ABNORMAL = "abnormal"


class FindingClassifier:
    """Holds the prompt features of every finding it was asked for.

    negative_mode: what a finding's positive prompt is held against (`chex.inference.negative_prompts`); a centroid is
    one of `among`, finding ids or labels, and of all findings if none are named.
    """

    def __init__(
        self, model: Chex, vocabulary: Vocabulary, *, negative_mode: NegativeMode = "own", among: Sequence[str] = ()
    ) -> None:
        self._model = model
        self._vocabulary = vocabulary
        self._directions: dict[str, tuple[Tensor, Tensor]] = {}
        self._negative_mode = negative_mode
        self._among = tuple(dict.fromkeys(self.finding_id(name) for name in among)) or tuple(vocabulary.findings)
        terms = vocabulary.findings.values()
        self._by_words = {words.lower(): term.id for term in terms for words in (term.box_prompt, term.display)}

    def finding_asked(self, query: Query) -> str | None:
        """The id of the finding that a query is about, by its name or else by its text; None for any other query."""
        if query.name in self._vocabulary.findings:
            return query.name
        return self._by_words.get(query.text.strip().lower()) if query.text else None

    def probabilities(self, tokens: Tensor, findings: Sequence[str]) -> Tensor:
        """tokens (…, D) → (…, C) for finding ids, labels or "abnormal"."""
        if not findings:
            return tokens.new_zeros(*tokens.shape[:-1], 0)
        positive, negative = self.prompt_features(findings)
        return finding_probabilities(
            tokens, positive, negative, temperature=self._model.config.inference.class_temperature
        )

    def prompt_features(self, findings: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Normalised features of the positive and of the negative prompts, (C, D) each."""
        if any(self.finding_id(name) not in self._directions for name in findings):
            terms = self._vocabulary.findings.values()
            self._model.text_features([prompt for term in terms for prompt in (*term.positive, *term.negative)])
        positive, negative = (torch.stack(side) for side in zip(*map(self._prompts, findings)))
        return positive, negative

    def prompt_means(self, findings: Sequence[str]) -> tuple[Tensor, Tensor]:
        """The same as they were encoded: the mean of a prompt's spellings, not normalised. For findings, not "abnormal"."""
        positive, negative = (torch.stack(side) for side in zip(*(self._means(self.finding_id(f)) for f in findings)))
        return positive, negative

    def forget_texts(self) -> None:
        """Drops the features, which are asked of the model anew."""
        self._directions.clear()

    def finding_id(self, name: str) -> str:
        """The id of a finding named by id or by a dataset's label; ValueError if there is none."""
        return name if name in self._vocabulary.findings or name == ABNORMAL else self._vocabulary.finding_of(name).id

    def _prompts(self, name: str) -> tuple[Tensor, Tensor]:
        finding = self.finding_id(name)
        if finding not in self._directions:
            if finding == ABNORMAL:
                sides = [self._prompts(f) for f in self._vocabulary.findings if not self._says_normal(f)]
                pair = tuple(torch.stack(side).mean(dim=0) for side in zip(*sides))
            else:
                pair = self._means(finding)
                if self._negative_mode != "own":
                    pair = pair[0], self._centroid()
            self._directions[finding] = tuple(F.normalize(side, dim=-1) for side in pair)
        return self._directions[finding]

    def _means(self, finding: str) -> tuple[Tensor, Tensor]:
        """Mean features of the spellings of both prompts, not normalised."""
        term = self._vocabulary.findings[finding]
        return prompt_mean(self._model, term.positive), prompt_mean(self._model, term.negative)

    def _centroid(self) -> Tensor:
        positive, negative = (torch.stack(side) for side in zip(*map(self._means, self._among)))
        normal = [self._means(f)[0] for f in self._vocabulary.findings if self._says_normal(f)]
        no_finding = torch.stack(normal).mean(dim=0) if normal else None
        return negative_side(self._negative_mode, positive, negative, no_finding)[0]

    def _says_normal(self, finding: str) -> bool:
        return any(label.lower().endswith("/no finding") for label in self._vocabulary.findings[finding].labels)


def finding_logits(
    tokens: Tensor, positive: Tensor, negative: Tensor, *, temperature: float, cosine: bool = True
) -> Tensor:
    """How much nearer tokens (…, D) are to the positive than to the negative prompts (C, D) → (…, C).

    The prompts come normalised. cosine: the tokens are normalised too; otherwise everything is taken as it comes.
    """
    tokens = F.normalize(tokens, dim=-1) if cosine else tokens
    return (tokens @ positive.T - tokens @ negative.T) / temperature


def finding_probabilities(
    tokens: Tensor, positive: Tensor, negative: Tensor, *, temperature: float, cosine: bool = True
) -> Tensor:
    """The sigmoid of `finding_logits`, which is the same as a softmax over the similarities to both prompts."""
    return finding_logits(tokens, positive, negative, temperature=temperature, cosine=cosine).sigmoid()


def prompt_mean(model: Chex, prompts: Sequence[str]) -> Tensor:
    """Mean feature (D) of the spellings of one prompt, not normalised."""
    return model.text_features(prompts).mean(dim=0)
