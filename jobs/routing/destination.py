"""Where reports are delivered to: `dicom://AE@HOST:PORT`, `dicom+tls://…`, or a DICOMweb service (`https://HOST/PATH`)."""

from __future__ import annotations

import re
from typing import Protocol
from urllib.parse import urlsplit

AE_TITLE = re.compile(r"(?! +$)[ -\[\]-~]{1,16}")  # PS3.5 table 6.2-1: no backslash, no control characters


STORED = (0x0000, 0x0111, *range(0xB000, 0xC000))  # success, "have it already", success with a warning
NOT_NOW = (0x0110, *range(0xA700, 0xA800))  # processing failure, out of resources


class Away(Exception):
    """The destination does not answer, or not to us: all reports wait."""


class NotNow(Exception):
    """The destination answers, but cannot take this report at the moment; it may take others."""


class Rejected(Exception):
    """The destination answers, but does not take this report."""


class Destination(Protocol):
    def send(self, report: bytes) -> None:
        """One DICOM file. Raises Away, NotNow or Rejected; what is sent twice does no harm, it has the same UID."""

    def close(self) -> None:
        """Ends the connection, if there is one; the next `send` makes another."""


def judge(status: int) -> None:
    """What a storage status (PS3.4 B.2.3, PS3.7 C) means. Raises NotNow or Rejected unless the report is stored."""
    if status in NOT_NOW:
        raise NotNow(f"status {status:04X}")
    if status not in STORED:
        raise Rejected(f"status {status:04X}")


def faults_of_destination(uri: str) -> list[str]:
    """What is wrong with the address, without asking whether anybody is there."""
    if uri.startswith(("http://", "https://")):
        from jobs.dicomweb import faults_of_service

        return faults_of_service(uri)
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        return [f"the destination {uri} is wrong: {error}"]
    if parts.scheme not in ("dicom", "dicom+tls") or not parts.hostname or not port or not parts.username:
        return [f"expected dicom://AE@HOST:PORT, dicom+tls://AE@HOST:PORT or https://HOST/PATH, found {uri}"]
    if not AE_TITLE.fullmatch(parts.username):
        return [f"{parts.username} is no AE title: 1 to 16 printable characters, no backslash"]
    return []


def destination_of(uri: str, *, ae_title: str, tls_files: tuple[str | None, str | None, str | None]) -> Destination:
    """`ae_title`: ours. `tls_files`: authorities, certificate and key for dicom+tls (see transport_security)."""
    if uri.startswith(("http://", "https://")):
        from jobs.routing.stow_rs import StowRs

        return StowRs(uri)
    from jobs.routing.c_store import CStore
    from jobs.routing.transport_security import client_context

    parts = urlsplit(uri)
    tls = client_context(*tls_files) if parts.scheme == "dicom+tls" else None
    return CStore((parts.hostname, parts.port), called=parts.username, calling=ae_title, tls=tls)
