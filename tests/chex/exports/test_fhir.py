"""FHIR bundles: valid by the models of others, and as a person or a server reads them."""

from __future__ import annotations

import json

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from fhir.resources.R4B.observation import Observation

from chex.exports.fhir import encode
from tests.chex.exports.reports import INSTANCE, STUDY, dicom_file, report, source


def encoded(**header) -> dict:
    return json.loads(encode(report(), source(dicom_file(**header))))


def resources(bundle: dict, kind: str) -> list[dict]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def test_the_models_take_it_and_all_references_lead_somewhere():
    bundle = encoded()
    Bundle.model_validate(bundle)
    (summary,), observations, (device,) = (
        resources(bundle, kind) for kind in ("DiagnosticReport", "Observation", "Device")
    )
    DiagnosticReport.model_validate(summary)
    for observation in observations:
        Observation.model_validate(observation)
    assert len(observations) == 5
    known = {entry["fullUrl"] for entry in bundle["entry"]}
    referenced = [item["reference"] for item in summary["result"]]
    referenced += [observation["device"]["reference"] for observation in observations]
    assert set(referenced) <= known and len(known) == 7
    for entry in bundle["entry"]:
        resource = entry["resource"]
        assert entry["request"] == {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}
    assert "a1a1a1" in device["version"][0]["value"]


def test_the_report_is_preliminary_and_says_what_it_is():
    (summary,) = resources(encoded(), "DiagnosticReport")
    assert (
        summary["status"] == "preliminary" and summary["effectiveDateTime"] == "2024-03-05" and "issued" not in summary
    )
    assert summary["conclusion"] == f"{report().text} (Research use only. Not a medical device.)"
    assert summary["subject"]["identifier"]["value"] == "PID-1234" and summary["subject"]["display"] == "Doe, Jane"
    assert summary["basedOn"][0]["identifier"]["value"] == "ACC-77"
    assert summary["imagingStudy"][0]["identifier"] == {"system": "urn:dicom:uid", "value": f"urn:oid:{STUDY}"}
    assert "&lt;1 cm &amp; dense" in summary["text"]["div"]


def test_observations_have_codes_sentences_and_boxes():
    effusion, lung, pneumothorax, _, free = resources(encoded(), "Observation")
    assert effusion["code"]["coding"][0] == {
        "system": "http://snomed.info/sct",
        "code": "60046008",
        "display": "Pleural effusion",
    }
    assert effusion["valueString"] == "Small bilateral pleural effusions." and effusion["status"] == "preliminary"
    values = {part["code"]["text"]: part for part in effusion["component"]}
    assert values["box 1"]["valueString"] == "xywh=pixel:4,33,12,21"
    assert values["score of box 2"]["valueQuantity"]["value"] == 0.41
    assert values["probability of pleural effusion"]["valueQuantity"]["value"] == 0.91
    assert values["stated as present"]["valueBoolean"] is True
    denied = {part["code"]["text"]: part for part in pneumothorax["component"]}
    assert denied["stated as present"]["valueBoolean"] is False and "box 1" not in denied
    assert lung["bodySite"]["text"].startswith("right lung") and free["code"]["text"] == "größere Verschattung"
    assert effusion["derivedFrom"][1]["identifier"]["value"] == f"urn:oid:{INSTANCE}"


def test_patients_without_name_or_number_and_with_names_in_several_scripts():
    nobody = resources(
        encoded(leave_out=("PatientName", "PatientID", "AccessionNumber", "StudyDate", "AcquisitionDate")),
        "DiagnosticReport",
    )[0]
    assert not {"subject", "basedOn", "effectiveDateTime"} & set(nobody)
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    (japanese,) = resources(encoded(SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName=name), "DiagnosticReport")
    assert japanese["subject"]["display"] == "Yamada, Tarou (山田 太郎)"
