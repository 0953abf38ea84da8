"""Reports in a real PACS: stored beside the image over DICOMweb, found under its study, given back as they were."""

from __future__ import annotations

import io

import pytest
from dicomweb_client import DICOMwebClient
from highdicom.sr import ComprehensiveSR
from pydicom import dcmread
from pydicom.sr.codedict import codes

from chex.exports import formats
from tests.chex.exports.reports import INSTANCE, STUDY, dicom_file, report, source
from tests.orthanc_server import orthanc  # noqa: F401

NAME = "Yamada^Tarou=山田^太郎=やまだ^たろう"
HEADER = {"SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": NAME}
KINDS = {"dicom-sr": "SR", "dicom-gsps": "PR"}


@pytest.fixture(scope="module")
def pacs(orthanc):  # noqa: F811
    """A DICOMweb client of an Orthanc that holds the source image and what was written about it."""
    image = dicom_file(**HEADER)
    orthanc.store(image)
    client = DICOMwebClient(orthanc.dicomweb)
    client.store_instances([dcmread(io.BytesIO(written(name, image))) for name in KINDS])
    return client


def written(name: str, image: bytes) -> bytes:
    return formats()[name].encode(report(), source(image))


def test_they_are_found_under_the_study_of_the_image(pacs):
    (study,) = pacs.search_for_studies(
        search_filters={"PatientID": "PID-1234"}, fields=["PatientName", "StudyDescription"]
    )
    assert study["0020000D"]["Value"] == [STUDY] and study["00081030"]["Value"] == ["Chest PA"]
    assert set(study["00080061"]["Value"]) == {"CR", "SR", "PR"}
    # this Orthanc's index knows no ISO 2022, in which the source image is written; its WADO-RS does
    assert study["00100010"]["Value"][0]["Alphabetic"] == "Yamada^Tarou"
    for name, modality in KINDS.items():
        mine = dcmread(io.BytesIO(written(name, dicom_file(**HEADER))))
        (found,) = pacs.search_for_instances(STUDY, search_filters={"Modality": modality})
        assert found["00080018"]["Value"] == [mine.SOPInstanceUID]
        assert found["0020000E"]["Value"] == [mine.SeriesInstanceUID]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_same_content_is_given_back(pacs, name):
    mine = dcmread(io.BytesIO(written(name, dicom_file(**HEADER))))
    got = pacs.retrieve_instance(STUDY, mine.SeriesInstanceUID, mine.SOPInstanceUID)
    assert got == mine
    image = pacs.retrieve_instance_metadata(STUDY, "1.2.826.0.1.3680043.8.498.1.2", INSTANCE)
    patient_and_study = ("00100010", "00100020", "00100030", "00100040", "0020000D", "00080020", "00080050", "00081030")
    theirs = pacs.retrieve_instance_metadata(STUDY, mine.SeriesInstanceUID, mine.SOPInstanceUID)
    assert {tag: theirs[tag] for tag in patient_and_study} == {tag: image[tag] for tag in patient_and_study}
    assert "=".join(theirs["00100010"]["Value"][0].values()) == NAME


def test_findings_can_be_read_from_what_the_archive_holds(pacs):
    (found,) = pacs.search_for_instances(STUDY, search_filters={"Modality": "SR"})
    series, instance = found["0020000E"]["Value"][0], found["00080018"]["Value"][0]
    document = ComprehensiveSR.from_dataset(pacs.retrieve_instance(STUDY, series, instance))
    groups = document.content.get_planar_roi_measurement_groups(finding_type=codes.SCT.PleuralEffusion)
    assert [group.roi.value[0].tolist() for group in groups] == [[4, 33], [24, 42]]
    assert groups[0].get_measurements(codes.DCM.CertaintyOfFinding)[0].value == 83
    ((_, _, referenced, _),) = document.get_evidence()
    assert referenced == INSTANCE


def test_storing_it_again_leaves_one(pacs, orthanc):  # noqa: F811
    before = orthanc.get("/statistics")["CountInstances"]
    pacs.store_instances([dcmread(io.BytesIO(written(name, dicom_file(**HEADER)))) for name in KINDS])
    assert orthanc.get("/statistics")["CountInstances"] == before == 3
