"""Uploads, questions and their refusals, as a client makes them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

BOX = [0.1, 0.2, 0.5, 0.6]


def png(seed: int, size=(96, 80)) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, size, dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def upload(client, data: bytes, name="image.png"):
    return client.post("/v1/images", files={"file": (name, data)})


def ask(client, image_id, *queries):
    return client.post(f"/v1/images/{image_id}/queries", json={"queries": list(queries)})


def is_problem(response, status, *words):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status and problem["title"] and problem["type"]
    assert all(word in problem["detail"] for word in words), problem
    return True
