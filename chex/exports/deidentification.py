"""De-identification of what is exported: PS3.15's basic profile on the header, hashed ids that stay the same under a key.

Applied before any format is written, so that every format is clean. Only elements that formats use pass at all; on these
the profile's actions are taken as dicom-anonymizer lists them. Pixels are not looked at: those of an image whose header
says that text is burned in are withheld, and nobody can promise the same for the others.
"""

from __future__ import annotations

import hmac
import io
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from chex.exports.header_values import decoded, read_value, undisturbed
from chex.records import Provenance, Report, SourceImage

if TYPE_CHECKING:
    from pydicom import Dataset

KEY, KEY_FILE = "CHEX_DEIDENTIFICATION_KEY", "CHEX_DEIDENTIFICATION_KEY_FILE"
LEAST_KEY = 16  # bytes
_TABLE = "dicomfields_2026c"  # PS3.15 table E.1-1 of this edition
_PASSED_ON = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "InstanceNumber", "StudyDate"),
    *("StudyTime", "AccessionNumber", "StudyID", "ReferringPhysicianName", "PatientName", "PatientID", "PatientBirthDate"),
    *("PatientSex", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames"),
    *("RescaleIntercept", "RescaleSlope", "ModalityLUTSequence", "WindowCenter", "WindowWidth"),
    *("VOILUTFunction", "VOILUTSequence"),
)  # fmt: skip
# PS3.3 C.11.1.1.2, C.11.2.1.3: other words than these may be anything
_TABLE_TYPES = ("OD", "HU", "US", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT")
_WINDOW_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_PATIENT_ID = (0x0010, 0x0020)


@dataclass(frozen=True, slots=True)
class Deidentifier:
    """The same key gives the same ids in every run; without the key nobody can tell which was which."""

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < LEAST_KEY:
            raise ValueError(f"a key of at least {LEAST_KEY} bytes is needed, found {len(self.key)}")

    @property
    def fingerprint(self) -> str:
        """Tells keys apart without giving them away."""
        return self.identifier("key", "")[:16]

    def identifier(self, kind: str, value: str) -> str:
        """32 hexadecimal digits for a patient's number, a path, a file's hash …; equal values of another kind differ."""
        return self._digest(kind, value).hex()[:32]

    def uid(self, uid: str) -> str:
        """A DICOM UID (a UUID under 2.25) for a UID."""
        return f"2.25.{uuid.UUID(bytes=self._digest('uid', uid)[:16], version=5).int}"

    def source(self, source: SourceImage) -> SourceImage:
        """The image under a hashed name, with a clean header, and without pixels if text is burned into them."""
        header, burned_in = None, False
        if source.header is not None:
            header, burned_in = self._header(source.header)
        uri = self.identifier("uri", source.uri)
        return replace(source, uri=uri, header=header, pixels=None if burned_in else source.pixels)

    def report(self, report: Report) -> Report:
        """The report of the image under its new ids. Its words come from the model and the prompts, not from the header."""
        return replace(report, provenance=self.provenance(report.provenance))

    def provenance(self, provenance: Provenance) -> Provenance:
        uid = provenance.sop_instance_uid
        return replace(
            provenance,
            input_sha256=self.identifier("file", provenance.input_sha256),
            sop_instance_uid=uid and self.uid(uid),
        )

    def _header(self, header: bytes) -> tuple[bytes, bool]:
        with undisturbed():
            dataset = decoded(header)
            burned_in = str(read_value(dataset, "BurnedInAnnotation") or "").strip().upper() == "YES"
            clean = self._clean(dataset)
            file = io.BytesIO()
            clean.save_as(file, enforce_file_format=False, implicit_vr=False, little_endian=True)
        return file.getvalue(), burned_in

    def _clean(self, dataset: Dataset) -> Dataset:
        from dicomanonymizer import anonymize_dataset
        from pydicom import Dataset, FileMetaDataset
        from pydicom.uid import ExplicitVRLittleEndian

        clean = Dataset()
        clean.file_meta = FileMetaDataset()
        clean.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        clean.preamble = bytes(128)
        for keyword in _PASSED_ON:
            if read_value(dataset, keyword) is not None:
                clean.add(dataset[keyword])
        for keyword in ("ModalityLUTSequence", "VOILUTSequence"):
            if keyword in clean:
                _keep_numbers(clean, keyword)
        if "VOILUTFunction" in clean and clean.VOILUTFunction not in _WINDOW_FUNCTIONS:
            del clean.VOILUTFunction
        anonymize_dataset(clean, base_rules_gen=self._rules)
        clean.SpecificCharacterSet = "ISO_IR 192"
        clean.PatientIdentityRemoved = "YES"
        clean.DeidentificationMethod = "PS3.15 basic profile; Chex-Ray, dicom-anonymizer"
        clean.DeidentificationMethodCodeSequence = [_basic_profile()]
        clean.LongitudinalTemporalInformationModified = "REMOVED"
        return clean

    def _rules(self) -> dict:
        """The profile's actions by tag, with ours where it leaves the choice: hashes for ids, nothing for dates."""
        from dicomanonymizer import simpledicomanonymizer as profile

        rules = {}
        for tag, action in profile.initialize_actions(_TABLE).items():
            if action is profile.replace_UID:
                rules[tag] = self._replace_uid
            elif action in (profile.empty, profile.delete_or_empty):
                rules[tag] = _empty  # the library would write dates of the year 1
            else:
                rules[tag] = action
        return rules | {_PATIENT_ID: self._replace_patient}

    def _replace_patient(self, dataset: Dataset, tag: tuple[int, int]) -> None:
        if number := str(dataset.get("PatientID") or "").strip():
            dataset.PatientID = self.identifier("patient", number)

    def _replace_uid(self, dataset: Dataset, tag: tuple[int, int]) -> None:
        if tag in dataset and (uid := str(dataset[tag].value or "").strip(" \0")):
            dataset[tag].value = self.uid(uid)

    def _digest(self, kind: str, value: str) -> bytes:
        return hmac.digest(self.key, f"{kind}\0{value}".encode(), "sha256")


def deidentifier_from(environment: Mapping[str, str] = os.environ) -> Deidentifier:
    """With the key in CHEX_DEIDENTIFICATION_KEY, or in the file that CHEX_DEIDENTIFICATION_KEY_FILE names.

    Raises:
        ValueError: neither or both are set, the file cannot be read, or the key is short.
    """
    text, file = environment.get(KEY), environment.get(KEY_FILE)
    if bool(text) == bool(file):
        found = "both are" if text else "neither is"
        raise ValueError(f"de-identification needs a key in {KEY}, or in the file that {KEY_FILE} names; {found} set")
    if text:
        return Deidentifier(text.encode())
    try:
        return Deidentifier(Path(file).read_bytes().strip())
    except OSError as problem:
        raise ValueError(f"the file that {KEY_FILE} names cannot be read: {problem.strerror}") from None


def _empty(dataset: Dataset, tag: tuple[int, int]) -> None:
    if tag in dataset:
        dataset[tag].value = ""


def _keep_numbers(dataset: Dataset, keyword: str) -> None:
    """Lookup tables without the texts in their items; without those that are no table."""
    from pydicom import Dataset, Sequence

    tables, found = [], dataset[keyword].value
    for item in found if isinstance(found, Sequence) else ():
        table = Dataset()
        for name, kinds in (("LUTDescriptor", ("US", "SS")), ("LUTData", ("US", "SS", "OW"))):
            if read_value(item, name) is not None and item[name].VR in kinds:
                table.add(item[name])
        if len(table) < 2:
            continue
        if keyword == "ModalityLUTSequence":
            kind = read_value(item, "ModalityLUTType")
            table.ModalityLUTType = kind if kind in _TABLE_TYPES else "US"  # unspecified
        tables.append(table)
    if tables:
        setattr(dataset, keyword, tables)
    else:
        del dataset[keyword]


def _basic_profile() -> Dataset:
    from pydicom import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "113100", "DCM"
    code.CodeMeaning = "Basic Application Confidentiality Profile"
    return code
