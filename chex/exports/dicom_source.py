"""The header of a source image: what new DICOM objects refer to, and the patient and study they belong to."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chex.exports import NotExportable
from chex.exports.header_values import copied, decoded, instance_number, moment, read_value, undisturbed
from chex.records import SourceImage

if TYPE_CHECKING:
    from pydicom import Dataset

# PS3.3 C.7.1.1, C.7.2.1, C.7.2.2: what objects of one study share
PATIENT_AND_STUDY = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "TypeOfPatientID"),
    *("PatientBirthDate", "PatientBirthTime", "PatientSex", "OtherPatientIDs", "OtherPatientIDsSequence"),
    *("OtherPatientNames", "EthnicGroup", "PatientComments", "PatientSpeciesDescription", "PatientBreedDescription"),
    *("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence", "QualityControlSubject"),
    *("StudyInstanceUID", "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"),
    *("IssuerOfAccessionNumberSequence", "StudyDescription", "PhysiciansOfRecord", "ProcedureCodeSequence"),
    *("ReferencedStudySequence", "ConsultingPhysicianName", "AdmittingDiagnosesDescription", "PatientAge"),
    *("PatientSize", "PatientWeight", "Occupation", "AdditionalPatientHistory", "AdmissionID", "ServiceEpisodeID"),
    *("PatientSexNeutered", "PregnancyStatus", "MedicalAlerts", "Allergies", "SmokingStatus", "PatientState"),
    *("ClinicalTrialSponsorName", "ClinicalTrialProtocolID", "ClinicalTrialSubjectID", "LongitudinalTemporalInformationModified"),
)  # fmt: skip
# PS3.3 C.11.1, C.11.2: what decides how the pixels look
GRAY_SCALE = (
    *("RescaleIntercept", "RescaleSlope", "RescaleType", "ModalityLUTSequence", "WindowCenter", "WindowWidth"),
    *("VOILUTFunction", "VOILUTSequence"),
)
# Type 2: there even where they are empty
_NEVER_MISSING = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"),
    *("AccessionNumber", "ReferringPhysicianName"),
)
_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
_UNKNOWN_DATE = "19000101"


@dataclass(frozen=True, slots=True)
class DicomSource:
    """One image of one study.

    `evidence` has what highdicom asks of an image it refers to, and no more about the patient than that there is one:
    it checks values, and those of real archives may be wrong. `context` has the true ones, decoded, to be copied;
    `gray_scale` has the transformations between stored values and what is shown.
    `date` (DA, None where the header does not say) and `time` (TM) are when the image was made.
    """

    evidence: Dataset
    context: Dataset
    gray_scale: Dataset
    date: str | None
    time: str

    @property
    def content_date(self) -> str:
        """Of what is written about the image, which must have a date: the image's own, never the clock's."""
        return self.date or _UNKNOWN_DATE

    @property
    def frames(self) -> int:
        return int(self.evidence.get("NumberOfFrames", 1))


def read_source(source: SourceImage) -> DicomSource:
    """The header's content.

    Raises:
        NotExportable: there is none, or it names no study, series or instance to belong to.
    """
    from pydicom import Dataset
    from pydicom.uid import UID

    if source.header is None:
        raise NotExportable("the image has no DICOM header, and so no study to belong to")
    with undisturbed():
        header = decoded(source.header)
        uids = {}
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"):
            uids[keyword] = str(read_value(header, keyword) or "").strip(" \0")
            if not (_UID.fullmatch(uids[keyword]) and len(uids[keyword]) <= 64):
                raise NotExportable(
                    f"the header has no valid {keyword}" if uids[keyword] else f"the header has no {keyword}"
                )
        if "Storage" not in UID(uids["SOPClassUID"]).keyword:
            raise NotExportable("the header's SOPClassUID is not one of the standard's storage classes")
        context = copied(header, PATIENT_AND_STUDY)
        for keyword in _NEVER_MISSING:
            if keyword not in context:
                setattr(context, keyword, "")
        context.SpecificCharacterSet = "ISO_IR 192"
        evidence = Dataset()
        for keyword in _NEVER_MISSING:
            setattr(evidence, keyword, "")
        for keyword, value in uids.items():
            setattr(evidence, keyword, value)
        evidence.Rows, evidence.Columns = source.height, source.width
        evidence.SamplesPerPixel = read_value(header, "SamplesPerPixel") or 1
        evidence.PhotometricInterpretation = str(read_value(header, "PhotometricInterpretation") or "MONOCHROME2")
        evidence.InstanceNumber = instance_number(header)
        evidence.Modality = str(read_value(header, "Modality") or "OT")
        frames = read_value(header, "NumberOfFrames")
        if isinstance(frames, int) and frames > 1:
            evidence.NumberOfFrames = frames
            # highdicom looks into both
            evidence.SharedFunctionalGroupsSequence = [Dataset()]
            evidence.PerFrameFunctionalGroupsSequence = []
        gray_scale = copied(header, GRAY_SCALE)
    return DicomSource(evidence, context, gray_scale, *moment(header))


def finished(instance: Dataset, source: DicomSource) -> bytes:
    """The new object as a file: with the source's patient and study, and without a time that a clock gave it."""
    with undisturbed():
        for element in source.context:
            instance[element.tag] = element
        for keyword in ("InstanceCreationDate", "InstanceCreationTime", "ContributingEquipmentSequence"):
            if keyword in instance:
                delattr(instance, keyword)
        file = io.BytesIO()
        instance.save_as(file, enforce_file_format=True)
    return file.getvalue()
