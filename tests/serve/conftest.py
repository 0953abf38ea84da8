"""One served application for all tests of this room."""

from __future__ import annotations

import httpx
import pytest

from chex import Chex
from chex.inference.session import Session
from serve.app import build
from serve.arguments import AppArguments
from serve.client import Client
from tests.free_ports import free_port
from tests.serve.asking import png, upload
from tests.talkative import save_talkative


@pytest.fixture(scope="package")
def model_dir(tiny_model, tmp_path_factory):
    return save_talkative(tiny_model, tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="package")
def serving(ray_local):
    """Where Serve listens; applications share it under prefixes of their own."""
    from ray import serve

    port = free_port()
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    yield f"http://127.0.0.1:{port}"
    serve.shutdown()


@pytest.fixture(scope="package")
def client(serving, model_dir):
    from ray import serve

    serve.run(build(AppArguments(model=str(model_dir), most_images=4, detectors=2)))
    with httpx.Client(base_url=serving, timeout=60) as client:
        yield client


@pytest.fixture(scope="package")
def chex_client(client):
    """The project's own client, to the same application."""
    with Client(str(client.base_url)) as ours:
        yield ours


@pytest.fixture(scope="package")
def session(model_dir):
    return Session(Chex.load(model_dir))


@pytest.fixture
def image_id(client):
    return upload(client, png(0)).json()["image_id"]
