"""The page in a real browser, before an application of its own with the model that comes along."""

from __future__ import annotations

import io

import httpx
import numpy as np
import pytest
from PIL import Image

from serve.app import build
from serve.arguments import AppArguments
from serve.security.new_key import line_of
from tests.needed_tools import require_tool
from tests.serve.viewer.reader import Reader

PREFIX = "/reading"  # the page works behind one, as it would behind a proxy
TOKEN = "chex_of-the-tests"


@pytest.fixture(scope="package")
def address(serving, tmp_path_factory):
    from ray import serve

    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(f"{line_of('reader', TOKEN)}\n")
    arguments = AppArguments(most_images=2, cpus_per_replica=0.1, keys_file=str(keys), burst=1000)
    serve.run(build(arguments), name="viewer", route_prefix=PREFIX)
    yield f"{serving}{PREFIX}/"
    serve.delete("viewer")


@pytest.fixture(scope="package")
def api(address):
    with httpx.Client(base_url=address, timeout=60, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        yield client


@pytest.fixture(scope="package")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    path = require_tool("chromium", "chromium")
    sync_api.expect.set_options(timeout=30_000)
    with sync_api.sync_playwright() as playwright:
        # the sandbox needs rights that containers and root do not give
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def phantom():
    """A synthetic chest with an effusion and a large heart, as PNG."""
    from pipelines.phantoms.image import render

    pixels = render(5, size=256, findings=["pleural effusion", "cardiomegaly"]).pixels
    file = io.BytesIO()
    Image.fromarray((pixels / max(1, pixels.max()) * 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def reader(stranger):
    """The same, with a token."""
    stranger.page.add_init_script(f'sessionStorage.setItem("chex-ray access token", "{TOKEN}")')
    return stranger


@pytest.fixture
def stranger(browser, address, phantom):
    """Somebody at the page. Whatever a test does: no script fails, nothing breaks the policy, no other host is asked."""
    context = browser.new_context(viewport={"width": 1100, "height": 700}, accept_downloads=True)
    context.set_default_timeout(30_000)
    page = context.new_page()
    faults, hosts = [], set()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: "Content Security Policy" in said.text and faults.append(said.text))
    page.on("request", lambda request: hosts.add(request.url.removeprefix("blob:").split("/")[2]))
    yield Reader(page, address, phantom)
    context.close()
    assert not faults
    assert hosts <= {address.split("/")[2]}
