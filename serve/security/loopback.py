"""Without keys only programs of the same machine are answered. Serve, not we, binds the port: so each request is judged."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

# a proxy that says whom it speaks for: what connects over loopback is then not who asks
FORWARDED = (b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip")


def refusal_off_loopback(scope: dict, origins: tuple[str, ...] = ()) -> str | None:
    """Why a request must not be answered without a key; None for one from this machine itself.

    Both ends of the connection have to be loopback addresses, so it does not matter where the port is bound. No header
    can make a foreign connection local, but a header can show that a local one speaks for somebody else: a reverse
    proxy's, or a web page's that makes the browser of this machine ask (another origin, or a name that was made to
    resolve to this machine).
    """
    if os.environ.get("RAY_SERVE_ENABLE_HA_PROXY") == "1":  # it listens everywhere, and connects from this machine
        return "Ray Serve has a proxy in front of it"
    headers = dict(scope["headers"])
    if any(name in headers for name in FORWARDED):
        return "the request came through a proxy"
    for end in ("client", "server"):
        address = scope.get(end)
        if not address or not is_loopback(address[0]):
            return f"the connection's {end} is not on loopback"
    if not is_loopback(_host_of(f"//{headers.get(b'host', b'').decode('latin-1')}")):
        return "the request names a host that is not this machine's loopback"
    origin = headers.get(b"origin", b"").decode("latin-1")
    if origin and origin not in origins and not _same_place(origin, headers[b"host"].decode("latin-1")):
        return "a page of another origin asks"
    return None


def is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _same_place(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False
