"""Who may ask: named keys, of which only the SHA-256 of the token is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from pathlib import Path

from serve.observability.logs import log

LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,64})\s+sha256:(?P<digest>[0-9a-f]{64})")


class KeyRing:
    """Finds the name that belongs to a token. Tokens are long and random (`serve.security.new_key`): a plain hash does."""

    def __init__(self, digests: dict[str, bytes]):
        self._digests = digests

    def __len__(self) -> int:
        return len(self._digests)

    def name_of(self, token: str) -> str | None:
        """The key's name; None for a token that is nobody's. Takes equally long for every token of a length."""
        presented, found = digest_of(token), None
        for name, digest in self._digests.items():  # all of them: the time must not tell which one was near
            if hmac.compare_digest(presented, digest):
                found = name
        return found

    @classmethod
    def of_lines(cls, lines: Iterable[str], origin: str) -> KeyRing:
        """Reads `NAME sha256:HEX`, one a line; empty lines and lines that start with # are passed over.

        Raises:
            ValueError: a line reads otherwise, a name or a token comes twice, or there is no key at all. The message
                has the number of the line and not what it says, which may be a token that was put there by mistake.
        """
        digests: dict[str, bytes] = {}
        for number, line in enumerate(lines, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            match = LINE.fullmatch(line)
            if match is None:
                raise ValueError(f"{origin}, line {number}: expected `NAME sha256:` and 64 hexadecimal digits")
            digest = bytes.fromhex(match["digest"])
            if match["name"] in digests or digest in digests.values():
                raise ValueError(f"{origin}, line {number}: this name or this token has a line already")
            digests[match["name"]] = digest
        if not digests:
            raise ValueError(f"{origin}: no key in it; python -m serve.security.new_key NAME makes one")
        return cls(digests)


class KeyFile:
    """The keys of a file, read again when it changes: a key is added or withdrawn without a restart."""

    def __init__(self, path: Path):
        self._path = path
        self._seen = self._state()
        self._keys = self._read()

    def name_of(self, token: str) -> str | None:
        self._refresh()
        return self._keys.name_of(token)

    def _refresh(self) -> None:
        try:
            state = self._state()
            if state != self._seen:
                self._seen = state
                self._keys = self._read()
                log.info("read %d keys", len(self._keys))
        except (OSError, ValueError):  # half written, or gone: nobody gains access by that, and nobody loses it
            log.exception("the file of keys cannot be read: the keys of before stay valid")

    def _read(self) -> KeyRing:
        return KeyRing.of_lines(self._path.read_text(encoding="utf-8").splitlines(), str(self._path))

    def _state(self) -> tuple[int, int, int]:
        status = self._path.stat()
        return status.st_mtime_ns, status.st_size, status.st_ino


def digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
