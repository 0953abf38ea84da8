"""A real Orthanc with its DICOMweb plug-in: a PACS of its own for each test that wants one."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.free_ports import free_ports
from tests.needed_tools import require_tool

START = 60.0  # seconds
AE_TITLE = "ORTHANC"
_PLUGIN = "libOrthancDicomWeb.so"
_PLACES = ("/usr/share/orthanc/plugins", "/usr/lib/orthanc", "/usr/local/share/orthanc/plugins")


class OrthancServer:
    """An empty Orthanc on free ports of this machine, with storage of its own; `stop` removes it.

    Attributes:
        uri: of its REST interface.
        dicomweb: root of its DICOMweb services (QIDO-RS, WADO-RS, STOW-RS).
        dicom_port, ae_title: where it listens for C-STORE, C-ECHO, C-FIND, C-MOVE.

    Args:
        modalities: symbolic name -> (AE title, host, port) of those whom it sends to (C-MOVE, routing).
        options: of its configuration file, beside or instead of those that are set here.
    """

    def __init__(self, modalities: dict[str, tuple[str, str, int]] | None = None, options: dict | None = None) -> None:
        self._program = require_tool("Orthanc", "orthanc", places="/usr/sbin:/usr/local/sbin")
        self._folder = Path(tempfile.mkdtemp(prefix="orthanc-", dir="/tmp"))
        http_port, self.dicom_port = free_ports(2)
        self.ae_title = AE_TITLE
        self.uri = f"http://127.0.0.1:{http_port}"
        self.dicomweb = f"{self.uri}/dicom-web"
        self._configuration = self._folder / "orthanc.json"
        self._configuration.write_text(
            json.dumps(
                {
                    "Name": "chex-ray tests",
                    "StorageDirectory": str(self._folder / "storage"),
                    "IndexDirectory": str(self._folder / "index"),
                    "Plugins": [_plugin()],
                    "HttpPort": http_port,
                    "DicomPort": self.dicom_port,
                    "DicomAet": AE_TITLE,
                    "DicomCheckCalledAet": False,
                    "RemoteAccessAllowed": False,
                    "AuthenticationEnabled": False,
                    # any test's client may send, ask and fetch
                    "DicomAlwaysAllowEcho": True,
                    "DicomAlwaysAllowStore": True,
                    "DicomAlwaysAllowFind": True,
                    "DicomAlwaysAllowMove": True,
                    "DicomAlwaysAllowGet": True,
                    "DicomModalities": {name: list(place) for name, place in (modalities or {}).items()},
                    "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
                }
                | (options or {})
            )
        )
        self._log = self._folder / "orthanc.log"
        self.start()

    def start(self) -> None:
        """Begins it again after `kill`, at the same ports and with what it had."""
        self._process = subprocess.Popen(
            [self._program, str(self._configuration)],
            cwd=self._folder, stdin=subprocess.DEVNULL, stdout=self._log.open("ab"), stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(20)

    def store(self, file: bytes) -> dict:
        """Puts a DICOM file in by the REST interface; returns what Orthanc says about it."""
        request = urllib.request.Request(f"{self.uri}/instances", file, {"Content-Type": "application/dicom"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def get(self, path: str) -> dict | list:
        """The JSON under a path of the REST interface ("/studies", "/statistics", …)."""
        with urllib.request.urlopen(f"{self.uri}{path}", timeout=30) as answer:
            return json.load(answer)

    def clear(self) -> None:
        """Removes every patient, so that a test finds it empty."""
        for patient in self.get("/patients"):
            request = urllib.request.Request(f"{self.uri}/patients/{patient}", method="DELETE")
            urllib.request.urlopen(request, timeout=30).close()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self) -> None:
        end = time.monotonic() + START
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise OSError(f"Orthanc did not start:\n{self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.dicomweb}/studies", timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False


@pytest.fixture(scope="module")
def orthanc():
    """An Orthanc for the tests of one module. Import it (and use `clear` where a test needs it empty)."""
    server = OrthancServer()
    yield server
    server.stop()


def _plugin() -> str:
    place = next((path for folder in _PLACES if (path := Path(folder) / _PLUGIN).exists()), None)
    if place is None:
        require_tool(_PLUGIN, "orthanc-dicomweb")
    return str(place)
