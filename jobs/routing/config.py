"""Everything a listener is asked to do; refused as a whole, before anything starts, if something in it is impossible."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass

from chex.exports import formats
from jobs.local_folder import local_folder
from jobs.radiograph_storage import RADIOGRAPHY, SECONDARY_CAPTURE
from jobs.routing.destination import AE_TITLE, faults_of_destination
from jobs.routing.transport_security import client_context, server_context
from pipelines.model_folder import checked_model_folder


@dataclass(frozen=True, slots=True)
class Routing:
    queue: str
    deliver: str  # dicom://AE@host:port, dicom+tls://AE@host:port or https://host/path
    model: str
    prompts: str | None = None  # a prompt file; None: the default prompt set
    format: str = "dicom-sr"
    host: str = "127.0.0.1"
    port: int = 11112  # 0: a free one
    ae_title: str = "CHEXRAY"
    allow: tuple[str, ...] = ()  # AE titles that may send; (): all may, on this machine
    secondary_capture: bool = False
    associations: int = 16
    batch_size: int = 16
    device: str = "auto"  # "auto", "cpu" or "cuda"
    tls_certificate: str | None = None
    tls_key: str | None = None
    tls_authorities: str | None = None
    keep_free: int = 2**30  # bytes of the disk

    def __post_init__(self) -> None:
        faults = [*self._faults_of_numbers(), *self._faults_of_names(), *self._faults_of_tls()]
        faults += faults_of_destination(self.deliver)
        try:
            object.__setattr__(self, "queue", str(local_folder(self.queue)))
        except ValueError as fault:
            faults.append(str(fault).replace("--output", "--queue"))
        try:
            object.__setattr__(self, "model", checked_model_folder(self.model))
        except ValueError as fault:
            faults.append(str(fault))
        if self.prompts is not None:
            object.__setattr__(self, "prompts", os.path.abspath(self.prompts))
            if not os.path.isfile(self.prompts):
                faults.append(f"the prompt file {self.prompts} does not exist")
        if faults:
            raise ValueError("; ".join(faults))

    @property
    def sop_classes(self) -> tuple[str, ...]:
        return (*RADIOGRAPHY, SECONDARY_CAPTURE) if self.secondary_capture else RADIOGRAPHY

    @property
    def tls_files(self) -> tuple[str | None, str | None, str | None]:
        """Authorities, certificate, key."""
        return self.tls_authorities, self.tls_certificate, self.tls_key

    def _faults_of_numbers(self) -> list[str]:
        faults = [
            f"{name} must be at least 1, found {getattr(self, name)}"
            for name in ("associations", "batch_size")
            if getattr(self, name) < 1
        ]
        if not 0 <= self.port < 2**16:
            faults.append(f"port must be 0 to 65535, found {self.port}")
        return faults

    def _faults_of_names(self) -> list[str]:
        faults = [
            f"{title!r} is no AE title: 1 to 16 printable characters, no backslash"
            for title in (self.ae_title, *self.allow)
            if not AE_TITLE.fullmatch(title)
        ]
        binary = {name for name, module in formats().items() if module.MEDIA_TYPE == "application/dicom"}
        if self.format not in binary:
            faults.append(f"format must be one that DICOM can carry: {', '.join(sorted(binary))}; found {self.format}")
        if self.device not in ("auto", "cpu", "cuda"):
            faults.append(f"device must be auto, cpu or cuda, found {self.device}")
        if not self.allow and not _is_loopback(self.host):
            faults.append(f"on {self.host} others can send, too: name the AE titles that may (--allow)")
        return faults

    def _faults_of_tls(self) -> list[str]:
        if bool(self.tls_certificate) != bool(self.tls_key):
            return ["a TLS certificate and its key go together, and one of them is missing"]
        try:
            if self.tls_certificate:
                server_context(self.tls_certificate, self.tls_key, self.tls_authorities)
            if self.tls_authorities:
                client_context(*self.tls_files)
        except OSError as fault:
            return [f"the TLS files cannot be used: {fault.strerror or fault}"]
        return []


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
