"""De-identified exports: nothing of the header gets out, and who is who stays the same under a key."""

from __future__ import annotations

import dataclasses
import io

import pytest
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_VR
from pydicom.sr.codedict import codes

from chex.exports import NotExportable, formats
from chex.exports.deidentification import Deidentifier, deidentifier_from
from chex.exports.dicom_source import PATIENT_AND_STUDY
from tests.chex.exports.outside import assert_valid
from tests.chex.exports.reports import INSTANCE, SERIES, STUDY, dicom_file, report, source

KEY = b"a key that nobody guesses"
URI = "archive/Mustermann Erika/PID-1234.dcm"
WORDS = {"PN": "Mustermann^Erika{}", "DA": "194{}0117", "TM": "0{}4142", "AS": "07{}Y", "CS": "SECRET{}"}


def secret_header() -> tuple[bytes, list[str]]:
    """A header in which every element of patient and study, and others, say something of their own; and all of that."""
    changes, secrets = (
        {},
        ["Mustermann", "PID-1234", "ACC-77", STUDY, SERIES, INSTANCE, "b2" * 8, "Doe", "House", "Chest PA"],
    )
    nested = Dataset()
    nested.PatientID, nested.CodeMeaning, nested.StudyDate = "NESTED-ID-1", "nested meaning", "19470207"
    secrets += ["NESTED-ID-1", "nested meaning", "19470207"]
    keywords = (
        *PATIENT_AND_STUDY,
        *("InstitutionName", "InstitutionAddress", "StationName", "OperatorsName", "PerformingPhysicianName"),
        *("SeriesDescription", "ProtocolName", "DeviceSerialNumber", "ImageComments", "RequestAttributesSequence"),
        *("AcquisitionDate", "ContentDate", "SeriesDate", "PatientAddress", "PatientTelephoneNumbers", "FrameOfReferenceUID"),
        *("DerivationDescription", "WindowCenterWidthExplanation", "RescaleType", "RequestedProcedureDescription"),
    )  # fmt: skip
    for place, keyword in enumerate(keywords):
        kind = dictionary_VR(keyword)
        if keyword in ("StudyInstanceUID", "PatientID", "AccessionNumber") or kind in ("DS", "US", "IS"):
            continue
        if kind == "SQ":
            changes[keyword] = [nested]
        elif kind == "UI":
            changes[keyword] = f"1.2.3.4444.{place}"
        else:
            changes[keyword] = WORDS.get(kind, "Secret text {}").format(
                place % 10 if kind in ("DA", "TM", "AS") else place
            )
        if kind != "SQ":
            secrets.append(changes[keyword])
    data = dicom_file(**changes)
    dataset = dcmread(io.BytesIO(data))
    dataset.private_block(0x0011, "Mustermann Systems", create=True).add_new(1, "LO", "private secret")
    table = Dataset()
    table.LUTDescriptor, table.LUTExplanation, table.LUTData = [1, 0, 16], "explained secret", b"\x01\x00"
    for keyword in ("LUTDescriptor", "LUTData"):
        table[keyword].VR = "US" if keyword == "LUTDescriptor" else "OW"
    dataset.VOILUTSequence = [table]
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue(), [*secrets, "private secret", "explained secret"]


@pytest.mark.parametrize("name", sorted(formats()))
def test_no_byte_of_any_format_tells_who_it_is(name):
    data, secrets = secret_header()
    image, told = source(data, URI), report()
    plain = formats()[name].encode(told, image)
    if name in ("dicom-sr", "dicom-gsps", "fhir"):
        assert sum(secret.encode() in plain for secret in secrets) > 3, "the test would see nothing"
    guard = Deidentifier(KEY)
    clean = formats()[name].encode(guard.report(told), guard.source(image))
    for secret in secrets:
        for spelling in {secret, secret.lower(), secret.replace("^", ", "), secret.replace("^", " ")}:
            for coding in ("utf-8", "utf-16-le"):
                assert spelling.encode(coding) not in clean, (name, secret)


def test_the_header_is_what_the_basic_profile_asks_for():
    guard, (data, _) = Deidentifier(KEY), secret_header()
    header = dcmread(io.BytesIO(guard.source(source(data, URI)).header))
    assert header.PatientIdentityRemoved == "YES" and header.LongitudinalTemporalInformationModified == "REMOVED"
    (code,) = header.DeidentificationMethodCodeSequence
    assert (code.CodeValue, code.CodingSchemeDesignator) == ("113100", "DCM")
    for keyword in ("PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "AccessionNumber", "StudyID"):
        assert header[keyword].value in ("", None), keyword
    assert header.PatientID == guard.identifier("patient", "PID-1234")
    assert header.StudyInstanceUID == guard.uid(STUDY) != STUDY and header.StudyInstanceUID.is_valid
    assert not [element for element in header if element.tag.is_private]
    assert (header.Rows, header.Columns, header.WindowCenter) == (60, 40, 2048)


def full_table(kind: str, **elements) -> Dataset:
    """A lookup table with whatever else a scanner may put beside its numbers."""
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [2, 0, 16])
    table.add_new("LUTData", "OW", b"\x00\x00\xff\xff")
    table.ModalityLUTType, table.LUTExplanation = kind, "explained secret"
    for keyword, value in {"PatientName": "Nested^Secret", "ImageComments": "comment secret", **elements}.items():
        setattr(table, keyword, value)
    table.private_block(0x0011, "secret systems", create=True).add_new(1, "LO", "private secret")
    return table


@pytest.mark.parametrize(("kind", "kept"), [("OD", "OD"), ("SECRET", "US")])
@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
def test_of_a_lookup_table_only_the_numbers_are_kept(keyword, kind, kept, tmp_path):
    dataset = dcmread(io.BytesIO(dicom_file(VOILUTFunction="SECRET")))
    setattr(dataset, keyword, [full_table(kind, OperatorsName="secret")])
    file = io.BytesIO()
    dataset.save_as(file)
    guard = Deidentifier(KEY)
    image = guard.source(source(file.getvalue()))
    (table,) = dcmread(io.BytesIO(image.header))[keyword].value
    assert table.LUTDescriptor == [2, 0, 16] and table.LUTData == b"\x00\x00\xff\xff"
    numbers = {"LUTDescriptor", "LUTData"}
    assert set(table.dir()) == (numbers | {"ModalityLUTType"} if keyword == "ModalityLUTSequence" else numbers)
    assert keyword != "ModalityLUTSequence" or table.ModalityLUTType == kept
    state = formats()["dicom-gsps"].encode(guard.report(report()), image)
    assert b"secret" not in image.header.lower() and b"secret" not in state.lower()
    (tmp_path / "state.dcm").write_bytes(state)
    assert_valid(tmp_path / "state.dcm")


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID", "DOE"])
def test_how_a_window_is_meant_is_one_of_the_standards_words(function):
    header = dcmread(io.BytesIO(Deidentifier(KEY).source(source(dicom_file(VOILUTFunction=function))).header))
    assert header.get("VOILUTFunction") == (None if function == "DOE" else function)


def test_a_table_that_is_none_is_left_out():
    dataset = dcmread(io.BytesIO(dicom_file()))
    dataset.add_new("VOILUTSequence", "LO", "secret words")
    dataset.ModalityLUTSequence = [Dataset()]
    file = io.BytesIO()
    dataset.save_as(file)
    header = Deidentifier(KEY).source(source(file.getvalue())).header
    assert b"secret" not in header and not {"VOILUTSequence", "ModalityLUTSequence"} & set(
        dcmread(io.BytesIO(header)).dir()
    )


def test_it_is_still_a_report_of_its_image(tmp_path):
    guard = Deidentifier(KEY)
    image, told = guard.source(source()), guard.report(report())
    for name in ("dicom-sr", "dicom-gsps"):
        file = tmp_path / f"{name}.dcm"
        file.write_bytes(formats()[name].encode(told, image))
        assert_valid(file)
        document = dcmread(file)
        assert document.StudyInstanceUID == guard.uid(STUDY) and document.PatientIdentityRemoved == "YES"
    from highdicom.sr import srread

    document = srread(tmp_path / "dicom-sr.dcm")
    assert len(document.content.get_planar_roi_measurement_groups(finding_type=codes.SCT.PleuralEffusion)) == 2
    ((*_, referenced, _),) = document.get_evidence()
    assert referenced == guard.uid(INSTANCE) == told.provenance.sop_instance_uid


def test_ids_stay_the_same_under_a_key_and_differ_between_keys():
    def ids(key):
        guard = Deidentifier(key)
        return (
            guard.source(source()).uri,
            guard.uid(STUDY),
            guard.identifier("patient", "1"),
            guard.identifier("uri", "1"),
        )

    assert ids(KEY) == ids(KEY) and not set(ids(KEY)) & set(ids(KEY + b"!")) and len(set(ids(KEY))) == 4


def test_two_images_of_a_patient_stay_together():
    guard = Deidentifier(KEY)
    first, second = (
        dcmread(io.BytesIO(guard.source(source(dicom_file(SOPInstanceUID=uid, **header))).header))
        for uid, header in (
            ("1.2.1", {}),
            ("1.2.2", {"PatientName": "Other spelling", "SpecificCharacterSet": "ISO_IR 100"}),
        )
    )
    assert first.PatientID == second.PatientID and first.StudyInstanceUID == second.StudyInstanceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID


def test_pixels_with_burned_in_text_are_withheld():
    guard = Deidentifier(KEY)
    assert guard.source(source()).pixels is not None
    burned = guard.source(source(dicom_file(BurnedInAnnotation="YES")))
    assert burned.pixels is None
    with pytest.raises(NotExportable, match="pixels"):
        formats()["overlays"].encode(report(), burned)


def test_pictures_without_a_header_get_another_name():
    image = dataclasses.replace(source(uri=URI), header=None)
    assert "Mustermann" not in Deidentifier(KEY).source(image).uri


def test_where_the_key_comes_from(tmp_path):
    file = tmp_path / "key"
    file.write_bytes(KEY + b"\n")
    assert deidentifier_from({"CHEX_DEIDENTIFICATION_KEY": KEY.decode()}) == Deidentifier(KEY)
    assert deidentifier_from({"CHEX_DEIDENTIFICATION_KEY_FILE": str(file)}) == Deidentifier(KEY)
    assert KEY.decode() not in repr(Deidentifier(KEY))
    both = {"CHEX_DEIDENTIFICATION_KEY": "x", "CHEX_DEIDENTIFICATION_KEY_FILE": "y"}
    for environment, why in (
        ({}, "neither is set"),
        (both, "both are set"),
        ({"CHEX_DEIDENTIFICATION_KEY": "short"}, "at least 16 bytes"),
        ({"CHEX_DEIDENTIFICATION_KEY_FILE": str(tmp_path / "none")}, "cannot be read"),
    ):
        with pytest.raises(ValueError, match=why):
            deidentifier_from(environment)
