"""pynetdicom's server with bounds on what a stranger on the port can take: memory, time and threads."""

from __future__ import annotations

import logging
import ssl
from typing import Any

from pynetdicom.transport import AssociationServer, AssociationSocket, RequestHandler, ThreadedAssociationServer

from pipelines.raw.image_files import MOST_BYTES

MOST_PDU = 2**20  # bytes of a protocol data unit; ours are announced to be smaller, a peer's greeting may be larger
MOST_MESSAGE = MOST_BYTES + MOST_PDU  # bytes that are taken in before something is answered
_HANDSHAKE = 10.0  # seconds

log = logging.getLogger(__name__)


class BoundedSocket:
    """An association's socket that gives up on a peer who sends too much at once."""

    def __init__(self, socket: AssociationSocket) -> None:
        self._socket, self._unanswered = socket, 0

    def recv(self, size: int) -> bytearray:
        self._unanswered += size
        if size > MOST_PDU or self._unanswered > MOST_MESSAGE:
            raise OSError(f"{size} bytes announced after {self._unanswered - size} unanswered ones: too much")
        return self._socket.recv(size)

    def send(self, data: bytes) -> None:
        self._unanswered = 0
        self._socket.send(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class BoundedHandler(RequestHandler):
    """Runs in a thread of the connection's own, TLS's handshake included."""

    def setup(self) -> None:
        self.request.settimeout(_HANDSHAKE)
        if self.server.tls is not None:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        # half a PDU and then silence must not hold the thread forever
        self.request.settimeout(self.server.ae.network_timeout)

    def _create_association(self):
        association = super()._create_association()
        association.dul.socket = BoundedSocket(association.dul.socket)
        return association


class BoundedServer(ThreadedAssociationServer):
    """`tls`: the context of a server, None for unencrypted connections."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *arguments: Any, tls: ssl.SSLContext | None = None, **keywords: Any) -> None:
        self.tls = tls
        super().__init__(*arguments, request_handler=BoundedHandler, **keywords)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        # those beyond the limit of associations are told so; many more are not even listened to
        return len(self.active_associations) < 2 * self.ae.maximum_associations + 8

    def shutdown(self) -> None:
        # pynetdicom's own takes the server off a list that only its own way of starting one puts it on
        super(AssociationServer, self).shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.warning("a connection failed before it became an association")
