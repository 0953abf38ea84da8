"""One report of the Open-i collection: its XML to the texts of its sections and the names of its images."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from pipelines.adapters import UnusableInput
from pipelines.raw.identifiers import EXPECTED, is_plain

MOST_BYTES = 2**22  # of a file; the largest real one has 20 KB


@dataclass(frozen=True, slots=True)
class OpenIReport:
    """`sections`: the label as it stands there ("FINDINGS") -> text, never empty. `images`: ids without repeats."""

    sections: dict[str, str]
    images: tuple[str, ...]


def read_report(content: bytes) -> OpenIReport:
    """Reads a file of `ecgen-radiology/`. Documents with a DTD or entities are refused: they can unpack to anything.

    Raises:
        UnusableInput: it is no XML, has a DTD, is no Open-i report, or an image's id is no file name.
    """
    if len(content) > MOST_BYTES:
        raise UnusableInput("annotate", f"expected a report of at most {MOST_BYTES:,} bytes; found {len(content):,}")
    try:
        root = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise UnusableInput(
            "annotate", f"expected XML without DTD and entities; found {type(error).__name__}"
        ) from error
    except (ParseError, LookupError, ValueError) as error:
        raise UnusableInput("annotate", f"expected a whole XML document: {error}") from error
    if root.tag != "eCitation":
        raise UnusableInput("annotate", f"expected a report, <eCitation>; found <{root.tag[:40]}>")
    sections: dict[str, str] = {}
    for element in root.iter("AbstractText"):
        label, text = element.get("Label", "").strip().upper(), "".join(element.itertext()).strip()
        if text:
            sections[label] = f"{sections[label]}\n\n{text}" if label in sections else text
    images = tuple(dict.fromkeys(element.get("id", "") for element in root.iter("parentImage")))
    if not all(map(is_plain, images)):
        raise UnusableInput("annotate", f"id of a parentImage: expected {EXPECTED}")
    return OpenIReport(sections, images)
