"""DICOM structured report: TID 1500 with a planar region of interest per box, to be stored beside the image.

Its content date is that of the image, so that the same report is the same file whenever it is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chex.exports.concepts import PRIVATE, PRIVATE_NAME, Concept, concept_of, display_name, sites_of
from chex.exports.dicom_identity import identity
from chex.exports.dicom_source import DicomSource, finished, read_source
from chex.exports.header_values import undisturbed
from chex.exports.pixel_boxes import outline
from chex.exports.provenance import (
    MANUFACTURER,
    NOTICE,
    algorithm_name,
    algorithm_version,
    device_uuid,
    uid_of,
)
from chex.exports.statements import shows_boxes, states_presence
from chex.records import Finding, Report, SourceImage

if TYPE_CHECKING:
    from highdicom import sr

FORMAT = "dicom-sr"
SUFFIX = ".dcm"
MEDIA_TYPE = "application/dicom"
NEEDS = frozenset({"header"})

_SERIES_NUMBER = 9101


def encode(report: Report, source: SourceImage) -> bytes:
    """A Comprehensive SR: each sentence as a comment on what was asked, with its boxes as closed polylines.

    Raises:
        NotExportable: the image is of no DICOM study.
    """
    from highdicom import sr

    image = read_source(source)
    with undisturbed():
        document = sr.ComprehensiveSR(
            evidence=[image.evidence],
            content=_content(report, source, image),
            **identity(report, image, FORMAT, series_number=_SERIES_NUMBER, content="report"),
            is_complete=True,
            content_date=image.content_date,
            content_time=image.time,
            coding_schemes=[_private_scheme()],
        )
    return finished(document, image)


def _content(report: Report, source: SourceImage, image: DicomSource) -> sr.MeasurementReport:
    from highdicom import sr
    from pydicom.sr.codedict import codes

    device = sr.DeviceObserverIdentifyingAttributes(
        uid=f"2.25.{device_uuid(report.provenance).int}",
        name=algorithm_name(report.provenance),
        manufacturer_name=MANUFACTURER,
        model_name=algorithm_version(report.provenance),
    )
    observer = sr.ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=device)
    groups = [
        group
        for place, finding in enumerate(report.findings, start=1)
        for group in _groups(report, finding, place, source, image)
    ]
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=sr.CodedConcept("399208008", "SCT", "Plain chest X-ray"),
        imaging_measurements=groups or [_about_the_image(image, _tracking(report, "image", 0, 0))],
        title=codes.DCM.ImagingMeasurementReport,
    )
    _say(content, codes.DCM.Comment, NOTICE)
    _say(content, codes.DCM.Summary, report.text or "No sentence was written.")
    return content


def _groups(report: Report, finding: Finding, place: int, source: SourceImage, image: DicomSource) -> list:
    """One group for each box that the sentence speaks for, or one about the whole image."""
    from highdicom import sr
    from pydicom.sr.codedict import codes

    # who reads the codes alone must not take what the sentence denies for what is there
    concept = concept_of(finding) if states_presence(finding) else None
    common = {
        "finding_type": None if concept is None else coded(concept),
        "finding_sites": [
            sr.FindingSite(coded(site.place), laterality=None if site.side is None else coded(site.side))
            for site in sites_of(finding)
        ],
        "algorithm_id": sr.AlgorithmIdentification(
            algorithm_name(report.provenance), algorithm_version(report.provenance)
        ),
    }
    boxes = finding.boxes if shows_boxes(finding) else ()
    groups = []
    for number, scored in enumerate(boxes, start=1):
        region = sr.ImageRegion(
            "POLYLINE",
            np.array(outline(scored.box, source)),
            sr.SourceImageForRegion(
                image.evidence.SOPClassUID, image.evidence.SOPInstanceUID, [1] if image.frames > 1 else None
            ),
        )
        certainty = sr.Measurement(codes.DCM.CertaintyOfFinding, round(100 * scored.score, 2), codes.UCUM.Percent)
        groups.append(
            sr.PlanarROIMeasurementsAndQualitativeEvaluations(
                tracking_identifier=_tracking(report, display_name(finding), place, number),
                referenced_region=region,
                measurements=[certainty],
                **common,
            )
        )
    if not boxes:
        groups.append(_about_the_image(image, _tracking(report, display_name(finding), place, 0), **common))
    if finding.sentence and finding.sentence.strip():
        for group in groups:
            _say(group, codes.DCM.Comment, finding.sentence.strip())
    return groups


def _about_the_image(
    image: DicomSource, tracking: sr.TrackingIdentifier, **common
) -> sr.MeasurementsAndQualitativeEvaluations:
    from highdicom import sr

    whole = sr.SourceImageForMeasurementGroup(
        image.evidence.SOPClassUID, image.evidence.SOPInstanceUID, [1] if image.frames > 1 else None
    )
    return sr.MeasurementsAndQualitativeEvaluations(tracking_identifier=tracking, source_images=[whole], **common)


def _tracking(report: Report, name: str, place: int, number: int) -> sr.TrackingIdentifier:
    """Of the finding at this place of the report, and of its box with this number."""
    from highdicom import sr

    identifier = f"{place}{f'.{number}' if number > 1 else ''} {name}"
    return sr.TrackingIdentifier(uid=uid_of(report, "finding", str(place), str(number)), identifier=identifier)


def _say(container, concept, text: str) -> None:
    """A sentence as a child of the container."""
    from highdicom import sr

    container[0].ContentSequence.append(sr.TextContentItem(concept, text, sr.RelationshipTypeValues.CONTAINS))


def coded(concept: Concept) -> sr.CodedConcept:
    from highdicom import sr

    return sr.CodedConcept(concept.value, concept.scheme, concept.meaning)


def _private_scheme():
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    return CodingSchemeIdentificationItem(PRIVATE, name=PRIVATE_NAME, responsible_organization=MANUFACTURER)
