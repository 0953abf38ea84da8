"""A full report: which prompts are asked, which regions are worth a sentence, which sentences stay (MODEL §6)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from chex.inference.features import Answer
from chex.inference.repeats import repeats, sentence_similarity
from chex.model.chex import Chex
from chex.records import Finding, Provenance, Query
from chex.vocabulary import Vocabulary
from chex.vocabulary import load as load_vocabulary


@dataclass(frozen=True, slots=True)
class PromptSet:
    """A named list of queries; the names of findings and regions of the vocabulary have a meaning in reports."""

    name: str
    queries: tuple[Query, ...]


def default_prompts(vocabulary: Vocabulary | None = None) -> PromptSet:
    """The 14 CheXpert findings and the 15 anatomical regions of a report (paper 5.4)."""
    vocabulary = vocabulary or load_vocabulary()
    findings = [vocabulary.finding_of(label) for label in vocabulary.labels_of("chexpert")]
    regions = [region for region in vocabulary.regions.values() if region.in_report]
    return PromptSet(
        "chexpert-and-anatomy",
        tuple(Query(text=f.box_prompt, name=f.id) for f in findings)
        + tuple(Query(text=r.prompt, name=r.name) for r in regions),
    )


class ReportWriter:
    """Chooses among answers and sentences; the model is only asked how alike two sentences are."""

    def __init__(self, model: Chex) -> None:
        self.model = model
        self.thresholds = model.config.inference
        self.vocabulary = load_vocabulary()
        self.no_finding = self.vocabulary.finding_of("chexpert/No Finding").id

    def select(self, answers: Sequence[Answer]) -> list[Answer]:
        """The answers worth a sentence: regions that look normal are left out, and "normal" where it is not."""
        return [a for a in answers if self._worth_a_sentence(a)]

    def _worth_a_sentence(self, answer: Answer) -> bool:
        if answer.query.name == self.no_finding:
            return dict(answer.probabilities).get(self.no_finding, 1.0) > self.thresholds.normal_probability
        return not self._is_region(answer) or answer.abnormal > self.thresholds.abnormal_probability

    def compose(self, answers: Sequence[Answer], sentences: Sequence[str]) -> tuple[tuple[Finding, ...], str]:
        """Findings without near-duplicate sentences, in the order of the answers, and the report's text."""
        findings = [
            finding(a, s, self.thresholds.box_score) for a, s in zip(answers, sentences, strict=True) if s.strip()
        ]
        scores = [max((box.score for box in f.boxes), default=0.0) for f in findings]
        kept = self._without_repeats(findings, scores)
        return tuple(kept), " ".join(_as_sentence(f.sentence) for f in kept)

    def provenance(self, prompts: PromptSet, *, input_sha256: str, sop_instance_uid: str | None = None) -> Provenance:
        import chex

        made_with = self.model.provenance
        return Provenance(
            model_name=made_with["model_name"],
            model_version=made_with.get("model_version", "unsaved"),
            weights_sha256=made_with.get("weights_sha256", ""),
            prompt_set=prompts.name,
            thresholds=tuple((name, float(value)) for name, value in asdict(self.thresholds).items()),
            input_sha256=input_sha256,
            software_version=chex.__version__,
            sop_instance_uid=sop_instance_uid,
            prompts_sha256=hashlib.sha256(repr(tuple(prompts.queries)).encode()).hexdigest(),
        )

    def _is_region(self, answer: Answer) -> bool:
        name = answer.query.name
        return name in self.vocabulary.regions or name in self.vocabulary.grouped

    def _without_repeats(self, findings: list[Finding], scores: list[float]) -> list[Finding]:
        """Of nearly the same sentences the one with the best box score stays, and names whom it speaks for."""
        t = self.thresholds
        similarity = sentence_similarity(self.model, [f.sentence for f in findings])
        gone = repeats(
            similarity, scores, same=t.same_sentence, similar=t.similar_sentence, most=t.most_sentences
        )  # fmt: skip
        kept = dict(enumerate(findings))
        for goes, stays in gone:
            absorbed = kept.pop(goes)
            names = (absorbed.query.name or absorbed.query.text or "box", *absorbed.parents)
            kept[stays] = replace(kept[stays], parents=(*kept[stays].parents, *names))
        return list(kept.values())


def finding(answer: Answer, sentence: str | None, box_score: float) -> Finding:
    """An answer as it is shown: boxes of at least `box_score`, and always the best one."""
    shown = tuple(box for i, box in enumerate(answer.boxes) if i == 0 or box.score >= box_score)
    return Finding(query=answer.query, boxes=shown, sentence=sentence, probabilities=answer.probabilities)


def _as_sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
