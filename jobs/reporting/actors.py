"""The model's two halves as Ray Data actors: one finds boxes, the other writes about them."""

from __future__ import annotations

import pickle

import numpy as np
import pyarrow as pa

from chex.records import Provenance, Query, Report
from jobs.reporting.reading import NOT_CHEST, READ_SCHEMA, READABLE, UNUSABLE, readable
from jobs.reporting.rows import report_row, unreported_row
from pipelines.model_folder import model_folder_on_disk

Prompts = tuple[str, tuple[Query, ...]]  # a prompt set's name and its queries

ANSWERED_SCHEMA = READ_SCHEMA.append(pa.field("answers", pa.large_binary()))
# `answers`, `report` and `row` are pickles of this job's own making, on their way from one of its tasks to the next
WRITTEN_SCHEMA = pa.schema(
    [
        ("uri", pa.string()),
        ("part", pa.string()),
        ("row", pa.large_binary()),
        ("report", pa.large_binary()),
        *(READ_SCHEMA.field(name) for name in ("height", "width", "pixels", "header")),
    ]
)


class Detector:
    """READ_SCHEMA -> ANSWERED_SCHEMA: encodes each image once and asks it every prompt."""

    def __init__(self, model: str, device: str, prompts: Prompts):
        from chex import Chex
        from chex.inference.detection import PromptReader

        with model_folder_on_disk(model) as folder:
            self._reader = PromptReader(Chex.load(folder, device=device))
        self._queries = list(prompts[1])

    def __call__(self, batch: pa.Table) -> pa.Table:
        answers: list[bytes | None] = [None] * batch.num_rows
        places = list(readable(batch))
        if places:
            features = self._reader.encode([_pixels(batch, place) for place in places])
            answered = self._reader.detect(features, [self._queries] * len(places))
            for place, found in zip(places, answered, strict=True):
                answers[place] = pickle.dumps(found)
        return batch.append_column(ANSWERED_SCHEMA.field("answers"), pa.array(answers, pa.large_binary()))


class Writer:
    """ANSWERED_SCHEMA -> WRITTEN_SCHEMA: sentences for the answers worth one, put together as a report."""

    def __init__(self, model: str, device: str, prompts: Prompts, result_set: str, kept: frozenset[str]):
        from chex import Chex
        from chex.inference.generation import SentenceWriter
        from chex.inference.report import PromptSet, ReportWriter

        with model_folder_on_disk(model) as folder:
            loaded = Chex.load(folder, device=device)
        self._sentences, self._reports = SentenceWriter(loaded), ReportWriter(loaded)
        self._prompts = PromptSet(*prompts)
        self._result_set = result_set
        self._kept = ("height", "width", *sorted(kept))  # what exports need of the image

    def __call__(self, batch: pa.Table) -> pa.Table:
        places = list(readable(batch))
        answered = [pickle.loads(batch["answers"][place].as_py()) for place in places]
        chosen = [self._reports.select(answers) for answers in answered]
        sentences = self._sentences.describe(chosen)
        reports: dict[int, Report] = {}
        for place, answers, written in zip(places, chosen, sentences, strict=True):
            findings, text = self._reports.compose(answers, written)
            reports[place] = Report(findings, text, self._provenance(batch, place))
        rows = [self._row(batch, place, reports.get(place)) for place in range(batch.num_rows)]
        return pa.Table.from_pylist(rows, schema=WRITTEN_SCHEMA)

    def _row(self, batch: pa.Table, place: int, report: Report | None) -> dict:
        values = {
            name: batch[name][place].as_py()
            for name in batch.column_names
            if name not in ("pixels", "header", "answers")
        }
        uri, study, reason = values["uri"], values["study_instance_uid"], values["reason"]
        result = {"uri": uri, "part": values["part"]}
        if report is not None:
            result |= {"row": report_row(uri, study, report, self._result_set), "report": pickle.dumps(report)}
            result |= {name: batch[name][place].as_py() for name in self._kept}
        elif values["outcome"] == NOT_CHEST:
            result["row"] = unreported_row(uri, study, self._provenance(batch, place), self._result_set, reason)
        elif values["outcome"] == UNUSABLE:
            result["row"] = {"uri": uri, "stage": values["stage"], "reason": reason}
        else:
            raise ValueError(f"expected outcome {READABLE}, {NOT_CHEST} or {UNUSABLE}, found {values['outcome']}")
        return result | {"row": pickle.dumps(result["row"])}

    def _provenance(self, batch: pa.Table, place: int) -> Provenance:
        return self._reports.provenance(
            self._prompts,
            input_sha256=batch["image_sha256"][place].as_py(),
            sop_instance_uid=batch["sop_instance_uid"][place].as_py(),
        )


def _pixels(batch: pa.Table, place: int) -> np.ndarray:
    """(H, W) uint8, a view into the batch."""
    shape = batch["height"][place].as_py(), batch["width"][place].as_py()
    return np.frombuffer(batch["pixels"][place].as_buffer(), np.uint8).reshape(shape)
