"""What the rows of a de-identified result set may say about an image."""

from __future__ import annotations

import re
from dataclasses import replace

from chex.exports.deidentification import Deidentifier
from jobs.reporting.part import UNUSABLE, ReadImage

# "BodyPartExamined is SKULL, not CHEST", "Modality CT is not a radiograph": what a header says there may be anything,
# line breaks and the marks that part reasons, too
_NOT_WANTED = re.compile(r"^(\w+) is .*, (not|neither) ", re.DOTALL)
_NOT_SUPPORTED = re.compile(
    r"(Modality|BitsAllocated|PhotometricInterpretation|transfer syntax) .*?(is not (?:a radiograph|supported))",
    re.DOTALL,
)


def deidentified(image: ReadImage, deidentifier: Deidentifier) -> ReadImage:
    """The image under hashed ids, and a reason that quotes neither file nor header."""
    return replace(
        image,
        uri=deidentifier.identifier("uri", image.uri),
        sha256=image.sha256 and deidentifier.identifier("file", image.sha256),
        sop_instance_uid=image.sop_instance_uid and deidentifier.uid(image.sop_instance_uid),
        study_instance_uid=image.study_instance_uid and deidentifier.uid(image.study_instance_uid),
        reason=image.reason and _without_quotations(image.reason, image.outcome == UNUSABLE),
    )


def _without_quotations(reason: str, unusable: bool) -> str:
    if unusable:
        found = _NOT_SUPPORTED.match(reason)
        return " ".join(found.groups()) if found else re.split(r"[:(;]", reason)[0].strip()
    return _NOT_WANTED.sub(r"\1 is \2 ", reason)
