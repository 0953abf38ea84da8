"""FHIR R4: a bundle with a preliminary DiagnosticReport, an Observation per sentence, and the algorithm as Device.

Patient, study and order are named by their identifiers, not created: a server knows them better than an image's header.
Every id follows from the report, so that sending the bundle again changes nothing.
"""

from __future__ import annotations

from html import escape

from chex.exports.concepts import PRIVATE, SNOMED, Concept, concept_of, display_name, sites_of
from chex.exports.dicom_source import DicomSource, read_source
from chex.exports.pixel_boxes import corners
from chex.exports.provenance import (
    MANUFACTURER,
    NOTICE,
    PRIVATE_OID,
    algorithm_name,
    algorithm_version,
    device_uuid,
    uuid_of,
)
from chex.exports.statements import shows_boxes, states_presence
from chex.records import Finding, Report, SourceImage

FORMAT = "fhir"
SUFFIX = ".json"
MEDIA_TYPE = "application/fhir+json"
NEEDS = frozenset({"header"})

_SYSTEMS = {SNOMED: "http://snomed.info/sct", PRIVATE: f"urn:oid:{PRIVATE_OID}"}
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_DICOM_UID = "urn:dicom:uid"


def encode(report: Report, source: SourceImage) -> bytes:
    """A transaction bundle, checked against the models of R4B, which has these resources as R4 does.

    Raises:
        NotExportable: the image is of no DICOM study.
    """
    from fhir.resources.R4B.bundle import Bundle

    image = read_source(source)
    device = _device(report)
    observations = [
        _observation(report, place, finding, source, image) for place, finding in enumerate(report.findings, start=1)
    ]
    resources = [_diagnostic_report(report, image, observations), *observations, device]
    bundle = {
        "resourceType": "Bundle",
        "id": str(uuid_of(report, FORMAT, "bundle")),
        "type": "transaction",
        "entry": [
            {
                "fullUrl": f"urn:uuid:{resource['id']}",
                "resource": resource,
                "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"},
            }
            for resource in resources
        ],
    }
    return Bundle.model_validate(bundle).model_dump_json(indent=1).encode()


def _diagnostic_report(report: Report, image: DicomSource, observations: list[dict]) -> dict:
    said = report.text or "No sentence was written."
    made = report.provenance
    author = escape(f"{algorithm_name(made)}, {algorithm_version(made)}. {NOTICE}")
    return {
        "resourceType": "DiagnosticReport",
        "id": str(uuid_of(report, FORMAT, "report")),
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{escape(said)}</p><p>{author}</p></div>',
        },
        "status": "preliminary",
        "category": [_concept(f"{_TERMINOLOGY}/v2-0074", "RAD", "Radiology")],
        "code": _concept("http://loinc.org", "18748-4", "Diagnostic imaging study")
        | {"text": "Chest radiograph, read by an algorithm"},
        **_about(image),
        **_order(image),
        "result": [{"reference": f"urn:uuid:{observation['id']}"} for observation in observations] or None,
        "imagingStudy": [_study_reference(image)],
        # systems that show the conclusion alone must show this, too; an algorithm can be no performer in R4
        "conclusion": f"{said} ({NOTICE})",
    }


def _observation(report: Report, place: int, finding: Finding, source: SourceImage, image: DicomSource) -> dict:
    concept = concept_of(finding)
    code = {"text": display_name(finding)}
    if concept is not None:
        code["coding"] = [_coding(concept)]
    sites = sites_of(finding)
    sentence = (finding.sentence or "").strip()
    made = report.provenance
    return {
        "resourceType": "Observation",
        "id": str(uuid_of(report, FORMAT, "observation", str(place))),
        "status": "preliminary",
        "category": [_concept(f"{_TERMINOLOGY}/observation-category", "imaging", "Imaging")],
        "code": code,
        **_about(image),
        "device": _device_reference(report),
        "method": {"text": f"{algorithm_name(made)}, {algorithm_version(made)}; prompts: {made.prompt_set}"},
        "valueString": sentence or None,
        "bodySite": _body_site(sites) if sites else None,
        "component": _components(finding, source),
        "derivedFrom": [_study_reference(image), _identified("Media", image.evidence.SOPInstanceUID)],
        "note": [{"text": NOTICE}],
    }


def _components(finding: Finding, source: SourceImage) -> list[dict]:
    """Whether it is stated, the probabilities that were asked for, and the boxes with their scores."""
    components = [{"code": _own("stated", "stated as present"), "valueBoolean": states_presence(finding)}]
    components += [
        {"code": _own("probability", f"probability of {name.replace('_', ' ')}"), "valueQuantity": _number(value)}
        for name, value in finding.probabilities
    ]
    for place, scored in enumerate(finding.boxes if shows_boxes(finding) else (), start=1):
        x_min, y_min, x_max, y_max = corners(scored.box, source)
        area = ",".join(f"{value:g}" for value in (x_min, y_min, round(x_max - x_min, 3), round(y_max - y_min, 3)))
        # as W3C's Media Fragments write a part of a picture
        components.append({"code": _own("box", f"box {place}"), "valueString": f"xywh=pixel:{area}"})
        components.append({"code": _own("score", f"score of box {place}"), "valueQuantity": _number(scored.score)})
    return components


def _body_site(sites) -> dict:
    words = [f"{site.side.meaning} {site.place.meaning}" if site.side else site.place.meaning for site in sites]
    return {"coding": [_coding(site.place) for site in sites[:1]], "text": ", ".join(words).lower()}


def _about(image: DicomSource) -> dict:
    """Whom and when: the patient by the identifier in the header, the day of the image."""
    about = {}
    patient, name = str(image.context.PatientID), _readable_name(image.context.PatientName)
    if patient or name:
        about["subject"] = {"type": "Patient"} | ({"display": name} if name else {})
    if patient:
        about["subject"]["identifier"] = {
            "type": _concept(f"{_TERMINOLOGY}/v2-0203", "MR", "Medical record number"),
            "value": patient,
        }
        if issuer := str(image.context.get("IssuerOfPatientID") or ""):
            about["subject"]["identifier"]["assigner"] = {"display": issuer}
    if image.date:
        about["effectiveDateTime"] = f"{image.date[:4]}-{image.date[4:6]}-{image.date[6:]}"
    return about


def _order(image: DicomSource) -> dict:
    number = str(image.context.AccessionNumber)
    if not number:
        return {}
    kind = _concept(f"{_TERMINOLOGY}/v2-0203", "ACSN", "Accession ID")
    return {"basedOn": [{"type": "ServiceRequest", "identifier": {"type": kind, "value": number}}]}


def _device(report: Report) -> dict:
    made = report.provenance
    return {
        "resourceType": "Device",
        "id": str(device_uuid(made)),
        "status": "active",
        "manufacturer": MANUFACTURER,
        "deviceName": [{"name": algorithm_name(made), "type": "model-name"}],
        "version": [{"value": algorithm_version(made)}],
        "note": [{"text": NOTICE}],
    }


def _device_reference(report: Report) -> dict:
    made = report.provenance
    return {
        "reference": f"urn:uuid:{device_uuid(made)}",
        "display": f"{algorithm_name(made)}, {algorithm_version(made)}",
    }


def _study_reference(image: DicomSource) -> dict:
    return _identified("ImagingStudy", image.evidence.StudyInstanceUID)


def _identified(kind: str, uid: str) -> dict:
    return {"type": kind, "identifier": {"system": _DICOM_UID, "value": f"urn:oid:{uid}"}}


def _readable_name(name) -> str:
    """ "Yamada, Tarou (山田 太郎)" """
    groups = [" ".join(group.replace("^", " ").split()) for group in str(name or "").split("=")]
    family, _, given = str(name or "").split("=")[0].partition("^")
    first = ", ".join(filter(None, (family.strip(), " ".join(given.replace("^", " ").split()))))
    other = next(filter(None, groups[1:]), "")
    return f"{first} ({other})" if first and other else first or other


def _number(value: float) -> dict:
    return {"value": round(value, 4), "system": "http://unitsofmeasure.org", "code": "1"}


def _own(code: str, text: str) -> dict:
    return {"coding": [{"system": _SYSTEMS[PRIVATE], "code": code}], "text": text}


def _coding(concept: Concept) -> dict:
    return {"system": _SYSTEMS[concept.scheme], "code": concept.value, "display": concept.meaning}


def _concept(system: str, code: str, display: str) -> dict:
    return {"coding": [{"system": system, "code": code, "display": display}]}
