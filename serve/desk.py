"""What every route works at: the uploaded images, the way to the model, and what can be named in questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException

from chex.records import Query
from chex.vocabulary import Vocabulary
from serve.asking import Asking
from serve.images import Images, Kept
from serve.observability.audit import note_queries
from serve.observability.requests import current, note
from serve.questions import Question, ReportWanted
from serve.schemas import QueriesIn, QueryIn, ReportIn

PromptSets = dict[str, tuple[Query, ...]]


@dataclass(frozen=True, slots=True)
class Desk:
    """prompt_sets: by name, the default one first. request_seconds: how long a client waits if it does not say."""

    images: Images
    asking: Asking
    vocabulary: Vocabulary
    prompt_sets: PromptSets
    request_seconds: float
    audit_texts: bool = False

    def question(self, kept: Kept, asked: QueriesIn, deadline: float) -> Question:
        """Raises a 422 that names the query or label at fault."""
        self._check(asked.labels, "labels")
        labels = self._labels(asked.queries, "queries", asked.labels)
        queries = records_of(asked.queries, "queries")
        note_queries(queries, texts=self.audit_texts)
        return Question(kept.stored, queries, labels, deadline, current().request_id)

    def report_question(self, kept: Kept, asked: ReportIn, deadline: float) -> tuple[Question, ReportWanted]:
        """What to look for and what to write. Raises a 422 that says what is wrong with the prompts."""
        name, queries = self._prompts(asked)
        labels = self._labels(asked.prompts, "prompts") if asked.prompts is not None else ((),) * len(queries)
        note(prompt_set=name)
        note_queries(queries, texts=self.audit_texts and asked.prompts is not None)
        question = Question(kept.stored, queries, labels, deadline, current().request_id, for_report=True)
        wanted = ReportWanted(
            deadline, name, queries, kept.sha256, kept.sop_instance_uid, request_id=question.request_id
        )
        return question, wanted

    def _prompts(self, asked: ReportIn) -> tuple[str, tuple[Query, ...]]:
        if asked.prompts is not None:
            if asked.prompt_set is not None:
                raise HTTPException(422, "prompts and prompt_set: only one of the two is expected")
            return "request", records_of(asked.prompts, "prompts")
        name = asked.prompt_set or next(iter(self.prompt_sets))
        if name not in self.prompt_sets:
            raise HTTPException(422, f"prompt_set: unknown; there are {', '.join(self.prompt_sets)}")
        return name, self.prompt_sets[name]

    def _labels(self, asked: Sequence[QueryIn], field: str, default: Sequence[str] = ()) -> tuple[tuple[str, ...], ...]:
        """Per query, the findings whose probability is told."""
        for place, query in enumerate(asked):
            self._check(query.labels or (), f"{field}.{place}.labels")
        return tuple(tuple(default if query.labels is None else query.labels) for query in asked)

    def _check(self, labels: Sequence[str], field: str) -> None:
        for place, label in enumerate(labels):
            try:
                if label not in self.vocabulary.findings:
                    self.vocabulary.finding_of(label)
            except ValueError as problem:
                known = ", ".join(self.vocabulary.findings)
                raise HTTPException(
                    422,
                    f"{field}.{place}: unknown label; there are {known}, and datasets' labels such as chexpert/Edema",
                ) from problem


def records_of(queries: Sequence[QueryIn], field: str) -> tuple[Query, ...]:
    """Raises a 422 that names the query at fault."""
    records = []
    for place, query in enumerate(queries):
        try:
            records.append(query.record())
        except ValueError as problem:
            raise HTTPException(422, f"{field}.{place}: {problem}") from problem
    return tuple(records)
