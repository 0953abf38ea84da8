"""TLS contexts of both ends, from PEM files. Below TLS 1.2 nothing is spoken (BCP 195, PS3.15 B.12)."""

from __future__ import annotations

import ssl


def server_context(certificate: str, key: str, authorities: str | None) -> ssl.SSLContext:
    """`authorities`: whose certificates callers must show; None lets them come without.

    Raises OSError (ssl.SSLError is one) if a file is missing or is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if authorities:
        context.load_verify_locations(authorities)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(authorities: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    """`authorities`: who vouches for the server; None takes those of this machine. A certificate is shown if given.

    Raises OSError if a file is missing or is not what it should be.
    """
    context = ssl.create_default_context(cafile=authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate:
        context.load_cert_chain(certificate, key)
    return context
