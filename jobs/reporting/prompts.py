"""A user's own prompt set, read from a JSON file."""

from __future__ import annotations

import json

import fsspec

from chex.records import Query


def read_prompts(uri: str) -> tuple[str, tuple[Query, ...]]:
    """The name and the queries of {"name": …, "queries": ["text" or {"text"?, "box"?, "name"?}, …]}.

    Boxes are (x_min, y_min, x_max, y_max) relative to the image. Raises ValueError naming the entry at fault.
    """
    with fsspec.open(uri, "rb") as file:
        try:
            content = json.load(file)
        except ValueError as problem:
            raise ValueError(f"the prompt file {uri} is not JSON: {problem}") from problem
    if not isinstance(content, dict) or not isinstance(content.get("queries"), list) or not content["queries"]:
        raise ValueError(f'the prompt file {uri} needs {{"name": …, "queries": […]}} with at least one query')
    queries = tuple(_query(entry, place, uri) for place, entry in enumerate(content["queries"], 1))
    name = content.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError(f"the prompt file {uri} needs a name, which reports give as their prompt set")
    return name, queries


def _query(entry: object, place: int, uri: str) -> Query:
    if isinstance(entry, str):
        entry = {"text": entry}
    if not isinstance(entry, dict) or not set(entry) <= {"text", "box", "name"}:
        raise ValueError(f"query {place} of {uri}: expected a text or an object of text, box, name; found {entry!r}")
    try:
        for key in ("text", "name"):
            if not isinstance(entry.get(key), str | None):
                raise TypeError(f"expected {key} to be words, found {entry[key]!r}")
        box = tuple(float(value) for value in entry["box"]) if entry.get("box") is not None else None
        if box is not None and len(box) != 4:
            raise ValueError(f"a box has 4 numbers, found {len(box)}")
        return Query(text=entry.get("text"), box=box, name=entry.get("name") or entry.get("text"))
    except (TypeError, ValueError) as problem:
        raise ValueError(f"query {place} of {uri}: {problem}") from problem
