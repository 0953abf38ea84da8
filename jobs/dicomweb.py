"""DICOMweb services (PS3.18): the connection to one, its credentials, and what its failures mean.

Credentials come from the environment alone: DICOMWEB_TOKEN, or DICOMWEB_USER and DICOMWEB_PASSWORD.
DICOMWEB_CA_FILE names the authorities (PEM) of a server whose certificate this machine would not know.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar
from urllib.parse import urlsplit

import requests
from dicomweb_client.web import DICOMwebClient
from requests.auth import AuthBase, HTTPBasicAuth

from pipelines.stores import StoreUnreachable

TIMEOUT = (10, 60)  # seconds until it is connected, and until it sends the next byte
_AWAY = {408, 425, 429, 502, 503, 504}
_UNKNOWN = {404, 410}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}

Result = TypeVar("Result")


class RequestRefused(ValueError):
    """The service answers, but not this request: another try will not help. `answer` may say more."""

    def __init__(self, message: str, answer: requests.Response | None = None) -> None:
        super().__init__(message)
        self.answer = answer


class Bearer(AuthBase):
    """As an object, since a header alone would give way to what a .netrc says of the host."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Session(requests.Session):
    def request(self, method, url, *arguments, **keywords):
        # dicomweb-client writes queries as HTML forms do; RFC 3986 knows no plus for a space, and lets wildcards be
        path, mark, query = url.partition("?")
        for form, plain in (("+", "%20"), ("%2A", "*"), ("%3F", "?")):
            query = query.replace(form, plain)
        return super().request(method, path + mark + query, *arguments, **keywords)

    def merge_environment_settings(self, url, proxies, stream, verify, cert):
        # a request that says nothing of its own goes by the session's authorities, not by REQUESTS_CA_BUNDLE
        return super().merge_environment_settings(url, proxies, stream, self.verify if verify is None else verify, cert)


def faults_of_service(url: str) -> list[str]:
    """Why this is no address of a DICOMweb service that may be talked to; [] if it is one. Quotes no credentials."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return [f"the address of a DICOMweb service is wrong: {error}"]
    if parts.username is not None or parts.password is not None:
        return ["no credentials in an address: set DICOMWEB_USER and DICOMWEB_PASSWORD, or DICOMWEB_TOKEN"]
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return [f"expected https://HOST/PATH of a DICOMweb service, found {url}"]
    faults = ["the address of a DICOMweb service ends with its path"] if parts.query or parts.fragment else []
    token, user, password = (os.environ.get(f"DICOMWEB_{name}") for name in ("TOKEN", "USER", "PASSWORD"))
    if token and (user or password):
        faults.append("DICOMWEB_TOKEN and DICOMWEB_USER are both set: which one is meant?")
    if bool(user) != bool(password):
        faults.append("DICOMWEB_USER and DICOMWEB_PASSWORD go together, and one of them is missing")
    if (token or user) and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        faults.append(f"credentials go over https alone, and the address is http://{parts.hostname}")
    authorities = os.environ.get("DICOMWEB_CA_FILE")
    if authorities and not os.path.isfile(authorities):
        faults.append(f"DICOMWEB_CA_FILE names {authorities}, which does not exist")
    return faults


@lru_cache(maxsize=8)
def session_of(url: str) -> requests.Session:
    """The connections of this process to one service; they are kept open and used again."""
    session = _Session()
    session.verify = os.environ.get("DICOMWEB_CA_FILE") or True
    session.headers["Accept"] = "application/dicom+json"
    token, user = os.environ.get("DICOMWEB_TOKEN"), os.environ.get("DICOMWEB_USER")
    if token:
        session.auth = Bearer(token)
    elif user:
        session.auth = HTTPBasicAuth(user, os.environ["DICOMWEB_PASSWORD"])
    return session


@lru_cache(maxsize=8)
def client_of(url: str) -> DICOMwebClient:
    """The same as a client that knows the standard's services."""
    client = DICOMwebClient(url, session=session_of(url), timeout=TIMEOUT)
    client.set_http_retry_params(retry=False)  # tries are the caller's
    return client


def asked(action: Callable[[], Result]) -> Result:
    """What `action` gives; what requests and dicomweb-client raise instead becomes one of four things.

    Raises:
        ConnectionError: no answer, or "not now".
        FileNotFoundError: the service does not know what is asked for.
        StoreUnreachable: it does not let us in, or is not who it should be.
        RequestRefused: anything else it says.
    """
    try:
        return action()
    except requests.HTTPError as error:
        status = error.response.status_code
        if status in _AWAY:
            raise ConnectionError(f"HTTP {status}") from None
        if status in _UNKNOWN:
            raise FileNotFoundError(f"HTTP {status}") from None
        if status in (401, 407):
            raise StoreUnreachable(
                f"{_host(error.response.url)} does not accept the credentials (HTTP {status})"
            ) from None
        raise RequestRefused(f"HTTP {status}", error.response) from None
    except requests.exceptions.SSLError as error:
        place = _host(error.request.url) if error.request is not None else "the service"
        raise StoreUnreachable(f"{place}: its certificate is not accepted, or it speaks no TLS") from None
    except requests.exceptions.InvalidJSONError:
        raise RequestRefused("the answer is not JSON") from None
    except requests.Timeout:
        raise ConnectionError("no answer in time") from None
    except requests.RequestException as error:  # their messages quote addresses, which name studies
        raise ConnectionError(f"no connection ({type(error).__name__})") from None


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
