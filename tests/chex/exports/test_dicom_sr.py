"""Structured reports: what others make of them, and what is read back."""

from __future__ import annotations

import io
import logging

import numpy as np
import pytest
from highdicom.sr import srread
from pydicom import Dataset, dcmread
from pydicom.sr.codedict import codes
from pydicom.uid import DigitalXRayImageStorageForPresentation, EnhancedXAImageStorage

from chex.exports.dicom_sr import encode
from chex.records import Report
from tests.chex.exports.outside import assert_valid, ran
from tests.chex.exports.reports import INSTANCE, SERIES, STUDY, dicom_file, findings, provenance, report, source


def written(data: bytes) -> Dataset:
    return dcmread(io.BytesIO(data))


def encoded(**header) -> Dataset:
    return written(encode(report(), source(dicom_file(**header))))


def comments(group) -> list[str]:
    return [item.TextValue for item in group[0].ContentSequence if item.name == codes.DCM.Comment]


def test_dcmtk_and_dicom3tools_find_no_fault(tmp_path):
    file = tmp_path / "sr.dcm"
    file.write_bytes(encode(report(), source()))
    assert_valid(file)
    dump = ran("dsrdump", "dcmtk", "+Pl", file)
    for words in (
        "Patient             : Doe^Jane (F, 1950-01-02, #PID-1234)",
        "Verification Flag   : UNVERIFIED",
        "Preliminary Flag    : PRELIMINARY",
        '"Small bilateral pleural effusions."',
        '(60046008,SCT,"Pleural effusion")',
        '"Research use only. Not a medical device."',
    ):
        assert words in dump, dump
    assert dump.count("(POLYLINE") == 4


def test_findings_are_read_back(tmp_path):
    file = tmp_path / "sr.dcm"
    file.write_bytes(encode(report(), source()))
    content = srread(file).content
    regions = content.get_planar_roi_measurement_groups()
    whole = content.get_image_measurement_groups()
    stated = [finding for finding in findings() if finding.sentence != "No pneumothorax."]
    expected = [(finding, scored) for finding in stated for scored in finding.boxes]
    assert len(regions) == len(expected) == 4 and len(whole) == 2
    for group, (finding, scored) in zip(regions, expected, strict=True):
        x_min, y_min, x_max, y_max = np.array(scored.box) * (40, 60, 40, 60)
        points = [(x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max), (x_min, y_min)]
        np.testing.assert_allclose(group.roi.value, points, atol=1e-3)
        assert group.get_measurements(codes.DCM.CertaintyOfFinding)[0].value == pytest.approx(100 * scored.score)
        assert comments(group) == [finding.sentence]
        algorithm = {
            item.name.meaning: item.TextValue for item in group[0].ContentSequence if "Algorithm" in item.name.meaning
        }
        assert algorithm["Algorithm Name"] == "ChEX phantom" and "a1a1a1" in algorithm["Algorithm Version"]
    effusions = content.get_planar_roi_measurement_groups(finding_type=codes.SCT.PleuralEffusion)
    assert len(effusions) == 2 and len({group.tracking_uid for group in regions}) == 4
    (lung,) = content.get_planar_roi_measurement_groups(finding_site=codes.SCT.Lung)
    assert [site.value.meaning for site in lung.finding_sites] == [
        "Lung",
        "cardiac silhouette",
        "right costophrenic angle",
    ]
    assert lung.finding_sites[0].laterality == codes.SCT.Right
    assert [comments(group) for group in whole] == [["No pneumothorax."], [findings()[4].sentence]]
    assert whole[0].finding_type is None, "what is denied is not coded as a finding"


def test_it_belongs_to_the_study_of_the_image_and_refers_to_it():
    document, image = encoded(), written(dicom_file())
    for keyword in (
        *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime"),
        *("StudyID", "StudyDescription", "AccessionNumber", "ReferringPhysicianName"),
    ):
        assert document[keyword].value == image[keyword].value, keyword
    assert document.SeriesInstanceUID != SERIES and document.Modality == "SR"
    (study,) = document.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    assert (study.StudyInstanceUID, series.SeriesInstanceUID) == (STUDY, SERIES)
    assert [item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence] == [INSTANCE]


def test_no_clock_is_asked():
    document = encoded()
    assert (document.ContentDate, document.ContentTime) == ("20240305", "101830")
    assert "InstanceCreationDate" not in document and "ContributingEquipmentSequence" not in document
    dateless = encoded(leave_out=("AcquisitionDate", "StudyDate"))
    assert dateless.ContentDate == "19000101" and dateless.StudyDate == ""


def test_uids_follow_from_image_and_model():
    def uid(**changes):
        return written(encode(Report(findings(), "", provenance(**changes)), source())).SOPInstanceUID

    assert uid() == uid() and uid().startswith("2.25.")
    others = [
        {"sop_instance_uid": "1.2.3"}, {"weights_sha256": "f" * 64}, {"prompts_sha256": "f" * 64},
        {"thresholds": (("box_score", 0.4),)}, {"software_version": "0.2"},
    ]  # fmt: skip
    assert len({uid(), *(uid(**change) for change in others)}) == len(others) + 1


def test_names_in_other_scripts(tmp_path):
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    header = dicom_file(SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName=name, StudyDescription="Chest")
    file = tmp_path / "sr.dcm"
    file.write_bytes(encode(report(), source(header)))
    document = dcmread(file)
    assert str(document.PatientName) == name and document.SpecificCharacterSet == "ISO_IR 192"
    assert_valid(file)
    assert "山田^太郎" in ran("dsrdump", "dcmtk", file)
    latin = encoded(SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg", StudyDescription="Größe")
    assert str(latin.PatientName) == "Müller^Jörg" and latin.StudyDescription == "Größe"


def test_the_first_of_several_frames_is_meant(tmp_path):
    file = tmp_path / "sr.dcm"
    file.write_bytes(encode(report(), source(dicom_file(SOPClassUID=EnhancedXAImageStorage, NumberOfFrames=3))))
    (group, *_) = srread(file).content.get_planar_roi_measurement_groups()
    (scoord,) = [item for item in group[0].ContentSequence if item.ValueType == "SCOORD"]
    assert scoord.ContentSequence[0].ReferencedSOPSequence[0].ReferencedFrameNumber == 1


@pytest.mark.filterwarnings("ignore")
def test_a_header_full_of_faults_is_copied_as_it_is(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    header = {
        "PatientSex": "unknown",
        "PatientBirthDate": "1950-13-45",
        "StudyDate": "yesterday",
        "PatientName": "Secretname, Erika (no carets here at all, and far too long for a name as the standard wants it)",
        "InstanceNumber": -5,
        "OtherPatientIDsSequence": [Dataset()],
        "SpecificCharacterSet": "ISO_IR 999",
    }
    import pydicom

    with pydicom.config.disable_value_validation():
        document = encoded(SOPClassUID=DigitalXRayImageStorageForPresentation, **header)
        assert document.PatientSex == "unknown" and document["PatientName"].value == header["PatientName"]
        assert document["StudyDate"].value == "yesterday" and document.InstanceNumber == 1
    assert "Secretname" not in caplog.text


def test_missing_attributes_are_empty(tmp_path):
    left_out = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyTime", "StudyID", "AccessionNumber")
    file = tmp_path / "sr.dcm"
    file.write_bytes(encode(report(), source(dicom_file(leave_out=left_out))))
    assert_valid(file)
    assert dcmread(file).PatientID == ""
