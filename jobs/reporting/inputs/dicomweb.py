"""A PACS over DICOMweb as an input: QIDO-RS lists radiographs page by page, WADO-RS fetches one (PS3.18 10.4, 10.6).

`dicomweb+https://pacs.example/dicom-web?StudyDate=20260101-20260131&Modality=DX&Modality=CR&BodyPartExamined=CHEST`:
what stands behind the question mark are attributes to match, by keyword or tag, as QIDO-RS matches them; of one that is
given several times any value will do. Each image is then `dicomweb+https://…/studies/…/series/…/instances/…`.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from urllib.parse import parse_qsl

import requests
from pydicom import uid
from pydicom.datadict import tag_for_keyword

from chex.pixels import UnusableImage
from jobs.dicomweb import TIMEOUT, RequestRefused, asked, client_of, faults_of_service, session_of
from jobs.radiograph_storage import RADIOGRAPHY, SECONDARY_CAPTURE
from pipelines.raw.image_files import MOST_BYTES
from pipelines.stores import StoreUnreachable, patiently

SCHEMES = ("dicomweb+http", "dicomweb+https")
_PREFIX = "dicomweb+"
PAGE = 1000  # instances that are asked for at once; a server may give fewer
_INSTANCE, _SOP_CLASS = "00080018", "00080016"
_LEVELS = (("studies", "0020000D"), ("series", "0020000E"), ("instances", _INSTANCE))
_RADIOGRAPHS = (*RADIOGRAPHY, SECONDARY_CAPTURE)
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_UID = re.compile(r"[0-9.]{1,64}")
_CHUNK = 2**20


def list_images(uri: str, left_alone: Counter[str]) -> Iterator[str]:
    """The URI of every radiograph that matches, in the order of the PACS, a page at a time; again if another value of an
    attribute finds it, too.

    Instances of other SOP classes are passed over and, by class, counted in `left_alone`, as are those whose UIDs are
    none. What arrives in the PACS while
    it is listed may be missed; the next listing has it.

    Raises:
        ValueError: the address or a filter is wrong (all faults at once), or the PACS refuses the question.
        StoreUnreachable: the PACS does not answer.
    """
    url, questions = _parsed(uri)
    for found in itertools.chain.from_iterable(_matches(url, question) for question in questions):
        if (kind := _value(found, _SOP_CLASS)) not in _RADIOGRAPHS:
            left_alone[uid.UID(str(kind or "")).name or "without a SOP class"] += 1
        elif None in (uids := [_uid(found, tag) for _, tag in _LEVELS]):
            left_alone["without a proper UID"] += 1
        else:
            yield f"{_PREFIX}{url}" + "".join(
                f"/{name}/{value}" for (name, _), value in zip(_LEVELS, uids, strict=True)
            )


@contextmanager
def reading() -> Iterator[Callable[[str], bytes]]:
    """While the block runs, `fetch` for every image; the connections are this process's, and stay open for the next."""
    yield fetch


def fetch(uri: str) -> bytes:
    """The instance as a DICOM file, as the PACS has it.

    Raises:
        UnusableImage: the PACS does not have it or does not give it, or it is too large.
        StoreUnreachable: the PACS does not answer.
    """
    url = uri.removeprefix(_PREFIX)
    service = url.rpartition("/studies/")[0]

    def once() -> bytes:
        return asked(lambda: _fetched(session_of(service), url))

    try:
        try:
            return patiently(once, service)
        except StoreUnreachable as away:
            if not isinstance(away.__cause__, ConnectionError) or not _answers(service):
                raise
            return once()  # it is there, or there again
    except FileNotFoundError:
        raise UnusableImage("read", "the PACS does not have the instance") from None
    except (RequestRefused, ConnectionError) as error:
        raise UnusableImage("read", f"the PACS does not give the instance ({error})") from None


def _parsed(uri: str) -> tuple[str, list[dict[str, str]]]:
    """The service's address, and the questions to put to it: a value of each attribute, in every combination."""
    url, _, query = uri.removeprefix(_PREFIX).partition("?")
    url = url.rstrip("/")
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    faults = faults_of_service(url)
    for name in values:
        if name in ("limit", "offset", "includefield"):
            faults.append(f"{name} is not for you to set: the job asks page by page")
        elif name != "fuzzymatching" and tag_for_keyword(name) is None and not _TAG.fullmatch(name):
            faults.append(f"{name} is no attribute of DICOM; expected a keyword (StudyDate) or a tag (00080020)")
    faults += [f"{name} has no value" for name, given in values.items() if not all(given)]
    if faults:
        raise ValueError("; ".join(faults))
    return url, [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]


def _matches(url: str, question: dict[str, str]) -> Iterator[dict]:
    """All matches, as DICOM JSON."""
    offset, first = 0, None
    while page := _page(url, question, offset):
        if page[0] == first:  # a server that does not know the offset begins anew for ever
            return
        first = first or page[0]
        yield from page
        offset += len(page)  # pages may be cut shorter than asked for: only an empty one is the last


def _page(url: str, question: dict[str, str], offset: int) -> list[dict]:
    client = client_of(url)

    def search() -> list[dict]:
        return client.search_for_instances(limit=PAGE, offset=offset, search_filters=question)

    try:
        page = patiently(lambda: asked(search), url)
    except FileNotFoundError:
        raise ValueError(f"there is no DICOMweb service at {url}") from None
    except RequestRefused as error:
        raise ValueError(f"{url} refuses the question ({error})") from None
    if not all(isinstance(found, dict) for found in page):
        raise ValueError(f"{url} answers with something else than DICOM JSON")
    return page


def _answers(service: str) -> bool:
    try:
        asked(lambda: client_of(service).search_for_instances(limit=1))
    except (ConnectionError, StoreUnreachable):
        return False
    except (FileNotFoundError, RequestRefused):
        pass
    return True


def _value(found: dict, tag: str) -> str | None:
    values = found.get(tag, {}).get("Value") or [None]
    return values[0]


def _uid(found: dict, tag: str) -> str | None:
    value = _value(found, tag)
    # it becomes part of an address: a server's word is not enough
    return value if isinstance(value, str) and _UID.fullmatch(value) else None


def _fetched(session: requests.Session, url: str) -> bytes:
    """The one part of the answer, or all of it where it has no parts."""
    accepted = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    with session.get(url, headers={"Accept": accepted}, timeout=TIMEOUT, stream=True) as answer:
        answer.raise_for_status()
        content = bytearray()
        for chunk in answer.iter_content(_CHUNK):
            content += chunk
            if len(content) > MOST_BYTES + _CHUNK:
                raise UnusableImage("read", f"the instance has more than {MOST_BYTES // 2**20} MiB")
        kind = Message()
        kind["Content-Type"] = answer.headers.get("Content-Type", "")
    boundary = kind.get_boundary()
    return bytes(content) if boundary is None else _first_part(bytes(content), boundary.encode())


def _first_part(content: bytes, boundary: bytes) -> bytes:
    """dicomweb-client would parse the file as well, which is for the decoder to do, or to refuse."""
    _, found, rest = content.partition(b"--" + boundary + b"\r\n")
    if not found:
        raise FileNotFoundError("an answer without an instance")
    part, found, _ = rest.partition(b"\r\n--" + boundary)
    if not found:
        raise ConnectionError("the answer breaks off")
    return part.partition(b"\r\n\r\n")[2]
