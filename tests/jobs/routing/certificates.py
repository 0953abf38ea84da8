"""Certificates for one run of the tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.needed_tools import require_tool


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> tuple[Path, Path, Path]:
    """An authority, and a certificate of 127.0.0.1 for either side with its key, as files."""
    folder = tmp_path_factory.mktemp("certificates")
    openssl = require_tool("openssl", "openssl")

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=folder, check=True, capture_output=True)

    new_key = ("-newkey", "rsa:2048", "-nodes")
    run("req", "-x509", *new_key, "-keyout", "authority.key", "-out", "authority.pem", "-days", "2", "-subj", "/CN=A")
    run("req", *new_key, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=127.0.0.1")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    run("x509", "-req", "-in", "request.pem", "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial",
        "-out", "certificate.pem", "-days", "2", "-extfile", "names")  # fmt: skip
    return folder / "authority.pem", folder / "certificate.pem", folder / "key.pem"
