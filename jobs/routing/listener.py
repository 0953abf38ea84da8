"""The DICOM listener: C-ECHO, and C-STORE of radiographs into the queue. An image is acknowledged once it is safe."""

from __future__ import annotations

import logging
import ssl
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from pydicom import config as pydicom_config
from pydicom.filereader import read_partial
from pydicom.uid import DeflatedExplicitVRLittleEndian
from pynetdicom import AE, _config, evt
from pynetdicom.sop_class import Verification

from chex.pixels.inflation import GuardedFile
from jobs.radiograph_storage import TRANSFER_SYNTAXES
from jobs.routing.connection import BoundedServer
from jobs.routing.queue import Queue

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
NOT_OF_THE_CLASS = 0xA900  # the data set does not match the SOP class
NOT_UNDERSTOOD = 0xC000
LARGEST_PDU = 2**17
_SOP_INSTANCE_UID = 0x00080018
_GREETING = 10.0  # seconds that a connection has to become an association; one that was cut counts as long, too
_PARTING = 10.0  # seconds that associations have to end by themselves

log = logging.getLogger(__name__)


class Listener:
    """Takes images from when it is made until `stop`."""

    def __init__(
        self,
        queue: Queue,
        address: tuple[str, int],
        *,
        ae_title: str,
        callers: Sequence[str],
        sop_classes: Sequence[str],
        associations: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`callers`: AE titles that may send; () lets all send. Raises OSError if the address cannot be listened on."""
        _quieten_pynetdicom()
        # what arrives goes to the disk as it comes, however large; and to the queue's, for a rename to be enough
        self._before = _config.STORE_RECV_CHUNKED_DATASET, tempfile.tempdir
        _config.STORE_RECV_CHUNKED_DATASET, tempfile.tempdir = True, str(queue.incoming)
        self._queue = queue
        self._ae = AE(ae_title)
        self._ae.require_called_aet = True
        self._ae.require_calling_aet = list(callers)
        self._ae.maximum_associations = associations
        self._ae.maximum_pdu_size = LARGEST_PDU
        self._ae.acse_timeout = _GREETING
        self._ae.add_supported_context(Verification)
        for sop_class in sop_classes:
            self._ae.add_supported_context(sop_class, list(TRANSFER_SYNTAXES))
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_REJECTED, _log_rejection)]
        self._server = self._ae.make_server(address, evt_handlers=handlers, server_class=BoundedServer, tls=tls)
        self._thread = threading.Thread(target=self._server.serve_forever, name="listener", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def stop(self) -> None:
        """Takes no more associations, and lets those that are there end for a while."""
        self._server.shutdown()
        end = time.monotonic() + _PARTING
        while any(open.is_established for open in self._ae.active_associations) and time.monotonic() < end:
            time.sleep(0.05)
        self._ae.shutdown()
        self._thread.join()
        _config.STORE_RECV_CHUNKED_DATASET, tempfile.tempdir = self._before

    def _store(self, event: evt.Event) -> int:
        request, caller = event.request, event.assoc.requestor.ae_title
        if request.AffectedSOPClassUID != event.context.abstract_syntax:
            return _refused(caller, NOT_OF_THE_CLASS, "an image of another SOP class than was agreed upon")
        file = Path(event.dataset_path)
        try:
            sop_class, instance = _identity(file, event.context.transfer_syntax)
        except Exception as error:  # noqa: BLE001  arbitrary bytes read as DICOM fail in every way there is
            return _refused(caller, NOT_UNDERSTOOD, f"what cannot be read ({type(error).__name__})")
        if (sop_class, instance) != (request.AffectedSOPClassUID, request.AffectedSOPInstanceUID):
            return _refused(caller, NOT_OF_THE_CLASS, "an image that calls itself otherwise than its message does")
        try:
            key, is_new = self._queue.accept(file, instance)
        except OSError as error:
            return _refused(caller, OUT_OF_RESOURCES, f"an image: {error.strerror or error}")
        log.info("image %s from %s%s", key[:12], caller, "" if is_new else ", which is known already")
        return SUCCESS


def _identity(file: Path, transfer_syntax: str) -> tuple[str, str]:
    """SOP class and instance UID that a data set gives itself; it is read no further than these."""
    with pydicom_config.disable_value_validation(), file.open("rb") as content:
        if transfer_syntax == DeflatedExplicitVRLittleEndian:
            content = GuardedFile(content.read())
        dataset = read_partial(content, stop_when=lambda tag, *_: tag > _SOP_INSTANCE_UID)
        return str(dataset.SOPClassUID), str(dataset.SOPInstanceUID)


def _refused(caller: str, status: int, what: str) -> int:
    log.warning("refused %s from %s (status %04X)", what, caller, status)
    return status


def _log_rejection(event: evt.Event) -> None:
    log.warning("rejected an association of %r", event.assoc.requestor.ae_title)


def _quieten_pynetdicom() -> None:
    # it tells of every message, and may quote what stands in it
    _config.LOG_HANDLER_LEVEL = "none"
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
