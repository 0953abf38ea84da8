"""Delivery to a DICOM node by C-STORE; the association stays open from one report to the next."""

from __future__ import annotations

import io
import ssl

import pydicom
from pynetdicom import AE
from pynetdicom.association import Association

from jobs.routing.destination import Away, judge

_TIMEOUT = 30.0  # seconds


class CStore:
    def __init__(self, address: tuple[str, int], *, called: str, calling: str, tls: ssl.SSLContext | None) -> None:
        self._address, self._called, self._tls = address, called, tls
        self._ae = AE(calling)
        self._ae.connection_timeout = self._ae.acse_timeout = self._ae.dimse_timeout = _TIMEOUT
        self._association: Association | None = None
        self._agreed: tuple[str, str] | None = None

    def send(self, report: bytes) -> None:
        dataset = pydicom.dcmread(io.BytesIO(report))
        status = self._opened(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID).send_c_store(dataset)
        if "Status" not in status:  # the connection broke, or the answer did not come
            self.close()
            raise Away("no answer to C-STORE")
        judge(status.Status)

    def close(self) -> None:
        if self._association is not None and self._association.is_established:
            self._association.release()
        self._association = None

    def _opened(self, sop_class: str, transfer_syntax: str) -> Association:
        kind = (sop_class, transfer_syntax)
        if self._association is None or not self._association.is_established or self._agreed != kind:
            self.close()
            self._ae.requested_contexts = []
            self._ae.add_requested_context(*kind)
            tls = (self._tls, self._address[0]) if self._tls else None
            association = self._ae.associate(*self._address, ae_title=self._called, tls_args=tls)
            if not association.is_established:
                raise Away(_why_not(association))
            self._association, self._agreed = association, kind
        return self._association


def _why_not(association: Association) -> str:
    if association.is_rejected:
        told = association.acceptor.primitive
        return f"it rejects our association: {told.reason_str}"
    if association.rejected_contexts:
        return f"it does not take {association.rejected_contexts[0].abstract_syntax.name}"
    return "no association"
