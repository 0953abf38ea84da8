"""Networks and object stores fail for a while: what is tried again, what is one file's own fault, when a job gives up."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable
from typing import TypeVar

import fsspec

WAITS = (1, 2, 4)  # seconds; the clients of object stores try a few times themselves before each

_OF_ONE_FILE = {errno.EINVAL, errno.ENAMETOOLONG, errno.ELOOP}
_REFUSALS_OF_ONE_OBJECT = {None, "403", "AccessDenied", "InvalidObjectState"}  # S3; the last one: archived in Glacier

_PATH_OF_A_URL = re.compile(r"(\w+://[^/\s\"']+)/[^\s\"']*")

Result = TypeVar("Result")


class StoreUnreachable(RuntimeError):
    """A store does not answer, or refuses the credentials: the job ends, and what it has written stays."""


def filesystem_of(uri: str, **options: object) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system of a path or URI, and the path in it.

    fsspec alone takes a path with `::`, as modalities name folders, for a chain of addresses.
    """
    if uri.startswith("/") or "://" not in uri:
        local = fsspec.filesystem("file")
        return local, local._strip_protocol(uri)
    return fsspec.core.url_to_fs(uri, **options)


def store_faults() -> tuple[type[Exception], ...]:
    """Everything that the clients of stores raise; loads them only when something has failed."""
    import aiohttp
    import botocore.exceptions

    return OSError, aiohttp.ClientError, botocore.exceptions.BotoCoreError


def patiently(action: Callable[[], Result], uri: str) -> Result:
    """The result of `action` on `uri`, tried again after each of WAITS unless it is the file's own fault.

    Raises:
        OSError: this one file is missing, forbidden or, after the last try, unreadable on its disk.
        StoreUnreachable: it failed every time, or the store refuses the credentials.
    """
    for wait in (*WAITS, None):
        try:
            return action()
        except store_faults() as fault:
            if _is_of_one_file(fault):
                raise
            if wait is None or _is_refusal(fault):
                if isinstance(fault, OSError) and fault.errno == errno.EIO:
                    raise  # a bad sector, and no store that is away
                raise StoreUnreachable(f"{_place(uri)}: {told(fault)}") from fault
            time.sleep(wait)
    raise StoreUnreachable(_place(uri))


def told(fault: Exception) -> str:
    """What a message may say of a fault: no path, as folders and files are called after patients and studies."""
    text = (isinstance(fault, OSError) and fault.strerror) or str(fault)
    return f"{type(fault).__name__}: {_PATH_OF_A_URL.sub(lambda url: url[1], text)}"


def _is_of_one_file(fault: Exception) -> bool:
    if isinstance(fault, PermissionError):
        return not _is_refusal(fault)
    missing = isinstance(fault, FileNotFoundError | IsADirectoryError | NotADirectoryError)
    return missing or getattr(fault, "errno", None) in _OF_ONE_FILE


def _is_refusal(fault: Exception) -> bool:
    """Whether no other request will fare better: credentials that are missing, wrong or expired."""
    from botocore.exceptions import NoCredentialsError, PartialCredentialsError, ProfileNotFound

    if isinstance(fault, PermissionError):
        answer = getattr(fault.__cause__, "response", None) or {}
        return answer.get("Error", {}).get("Code") not in _REFUSALS_OF_ONE_OBJECT
    return isinstance(fault, NoCredentialsError | PartialCredentialsError | ProfileNotFound)


def _place(uri: str) -> str:
    """s3://bucket of a URI."""
    scheme, separator, rest = uri.partition("://")
    return f"{scheme}://{rest.split('/')[0]}" if separator else "the file system"
