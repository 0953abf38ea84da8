"""Who wrote a report, in words and in numbers that stay the same when it is written again."""

from __future__ import annotations

import uuid

from chex.records import Provenance, Report

NOTICE = "Research use only. Not a medical device."
MANUFACTURER = "Chex-Ray"
_NAMESPACE = uuid.UUID("3e2367f1-6156-40a1-91ee-57332bae28a1")  # chosen once, by chance
PRIVATE_OID = f"2.25.{uuid.uuid5(_NAMESPACE, 'codes').int}"


def algorithm_name(provenance: Provenance) -> str:
    name = provenance.model_name
    return (name if "chex" in name.lower() else f"ChEX {name}")[:64]


def algorithm_version(provenance: Provenance) -> str:
    """The model's version and weights and the software's version, which decide what it says."""
    parts = (provenance.model_version, provenance.weights_sha256[:12], f"chex-ray {provenance.software_version}")
    return " ".join(dict.fromkeys(filter(None, parts)))[:64]


def uuid_of(report: Report, *path: str) -> uuid.UUID:
    """The same for the same image, model, prompts and thresholds; `path` says what of the report it names."""
    made = report.provenance
    thresholds = ",".join(f"{name}={value!r}" for name, value in made.thresholds)
    parts = (
        made.sop_instance_uid or "",
        made.input_sha256,
        made.model_name,
        made.model_version,
        made.weights_sha256,
        made.prompt_set,
        made.prompts_sha256,
        thresholds,
        made.software_version,
        *path,
    )
    return uuid.uuid5(_NAMESPACE, "\n".join(parts))


def uid_of(report: Report, *path: str) -> str:
    """The same as a DICOM UID (PS3.5 B.2: a UUID under 2.25)."""
    return f"2.25.{uuid_of(report, *path).int}"


def device_uuid(provenance: Provenance) -> uuid.UUID:
    """Of the algorithm itself, whatever it looked at."""
    return uuid.uuid5(_NAMESPACE, f"device\n{algorithm_name(provenance)}\n{algorithm_version(provenance)}")


def series_uid(provenance: Provenance, study_uid: str, kind: str) -> str:
    """All of one kind that the algorithm says about a study is one series."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, f'series {device_uuid(provenance)} {study_uid} {kind}').int}"
