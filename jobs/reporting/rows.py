"""The Parquet row of a report and of an unusable input, and the way back to records."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from chex.records import Finding, Provenance, Query, Report, ScoredBox

REPORTED, NOT_REPORTED = "reported", "not reported"

_BOX = pa.list_(pa.float64())
_SCORED = pa.struct([("box", _BOX), ("score", pa.float64())])
_NUMBER = pa.struct([("name", pa.string()), ("value", pa.float64())])
_FINDING = pa.struct(
    [
        ("query", pa.struct([("name", pa.string()), ("text", pa.string()), ("box", _BOX)])),
        ("sentence", pa.string()),
        ("boxes", pa.list_(_SCORED)),
        ("probabilities", pa.list_(_NUMBER)),
        ("parents", pa.list_(pa.string())),
    ]
)
_PROVENANCE = pa.struct(
    [
        ("model_name", pa.string()),
        ("model_version", pa.string()),
        ("weights_sha256", pa.string()),
        ("prompt_set", pa.string()),
        ("thresholds", pa.list_(_NUMBER)),
        ("input_sha256", pa.string()),
        ("software_version", pa.string()),
        ("sop_instance_uid", pa.string()),
        ("prompts_sha256", pa.string()),
        ("result_set", pa.string()),
    ]
)
REPORT_SCHEMA = pa.schema(
    [
        ("uri", pa.string()),
        ("image_sha256", pa.string()),
        ("sop_instance_uid", pa.string()),
        ("study_instance_uid", pa.string()),
        ("status", pa.string()),
        ("status_reason", pa.string()),
        ("text", pa.string()),
        # CheXpert's findings that the text states, as a rule-based reader reads it; "No Finding" where it looks normal
        ("labels", pa.list_(pa.string())),
        ("findings", pa.list_(_FINDING)),
        ("provenance", _PROVENANCE),
        # formats that this image could not have, and why
        ("not_exported", pa.list_(pa.struct([("format", pa.string()), ("reason", pa.string())]))),
    ]
)
QUARANTINE_SCHEMA = pa.schema([("uri", pa.string()), ("stage", pa.string()), ("reason", pa.string())])


def report_row(
    uri: str,
    study_instance_uid: str | None,
    text: str,
    labels: Sequence[str],
    findings: Sequence[dict],
    provenance: Provenance,
    result_set: str,
) -> dict:
    """The row of an image that was reported on. `findings` are as `finding_row` makes them."""
    return {
        **_image(uri, study_instance_uid, provenance, result_set),
        "status": REPORTED,
        "status_reason": None,
        "text": text,
        "labels": list(labels),
        "findings": list(findings),
        "not_exported": [],
    }


def unreported_row(uri: str, study_instance_uid: str | None, provenance: Provenance, result_set: str, why: str) -> dict:
    """The row of an image that can be read but gets no report: no text, no findings, the reason."""
    return {
        **_image(uri, study_instance_uid, provenance, result_set),
        "status": NOT_REPORTED,
        "status_reason": why,
        "text": None,
        "labels": [],
        "findings": [],
        "not_exported": [],
    }


def _image(uri: str, study_instance_uid: str | None, provenance: Provenance, result_set: str) -> dict:
    return {
        "uri": uri,
        "image_sha256": provenance.input_sha256,
        "sop_instance_uid": provenance.sop_instance_uid,
        "study_instance_uid": study_instance_uid,
        "provenance": _provenance_row(provenance, result_set),
    }


def report_of(row: dict) -> Report:
    """The report in a row; raises ValueError for a row that has none."""
    if row["status"] != REPORTED:
        raise ValueError(f"{row['uri']} was not reported on: {row['status_reason']}")
    fields = {name: value for name, value in row["provenance"].items() if name != "result_set"}
    fields["thresholds"] = tuple((number["name"], number["value"]) for number in fields["thresholds"])
    return Report(tuple(_finding_of(item) for item in row["findings"]), row["text"], Provenance(**fields))


def finding_row(finding: Finding) -> dict:
    """A finding as the row has it."""
    query = finding.query
    return {
        "query": {"name": query.name, "text": query.text, "box": list(query.box) if query.box else None},
        "sentence": finding.sentence,
        "boxes": [{"box": list(scored.box), "score": scored.score} for scored in finding.boxes],
        "probabilities": [{"name": name, "value": value} for name, value in finding.probabilities],
        "parents": list(finding.parents),
    }


def _finding_of(row: dict) -> Finding:
    query = row["query"]
    return Finding(
        query=Query(text=query["text"], box=tuple(query["box"]) if query["box"] else None, name=query["name"]),
        boxes=tuple(ScoredBox(tuple(item["box"]), item["score"]) for item in row["boxes"]),
        sentence=row["sentence"],
        probabilities=tuple((item["name"], item["value"]) for item in row["probabilities"]),
        parents=tuple(row["parents"]),
    )


def _provenance_row(provenance: Provenance, result_set: str) -> dict:
    return {
        "model_name": provenance.model_name,
        "model_version": provenance.model_version,
        "weights_sha256": provenance.weights_sha256,
        "prompt_set": provenance.prompt_set,
        "thresholds": [{"name": name, "value": value} for name, value in provenance.thresholds],
        "input_sha256": provenance.input_sha256,
        "software_version": provenance.software_version,
        "sop_instance_uid": provenance.sop_instance_uid,
        "prompts_sha256": provenance.prompts_sha256,
        "result_set": result_set,
    }
