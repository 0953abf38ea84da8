"""The model, its losses and its queries stay rooms that are read in an hour, and know only what they need."""

from __future__ import annotations

import ast

import pytest

from tests.test_architecture import imports_of, modules

ROOMS = ("chex.model", "chex.losses", "chex.queries")
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 250, 60
# beyond what the design's rooms may import at all
UNSEEN = {
    "chex.model": ("chex.queries", "chex.boxes"),  # no targets
    "chex.losses": ("chex.queries", "chex.records", "chex.vocabulary", "chex.objective_config"),  # tensors alone
    "chex.queries": ("chex.model", "chex.losses"),
}
FILES = {name: file for name, file in modules().items() if name.startswith(ROOMS)}


@pytest.mark.parametrize("module", FILES)
def test_files_and_functions_are_short(module):
    source = FILES[module].read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MOST_LINES
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    long = [f.name for f in functions if f.end_lineno - f.lineno >= MOST_LINES_OF_A_FUNCTION]
    assert not long


@pytest.mark.parametrize("module", FILES)
def test_files_say_what_they_are_for(module):
    source = FILES[module].read_text(encoding="utf-8")
    if source.strip():
        assert 1 <= len(ast.get_docstring(ast.parse(source)).splitlines()) <= 6


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_sees_nothing_that_it_must_not(room):
    found = []
    for module, file in FILES.items():
        if module.startswith(room):
            names = imports_of(module, file.read_text(encoding="utf-8"), file.name == "__init__.py")
            found += [f"{module} imports {name}" for name in sorted(names) if name.startswith(UNSEEN[room])]
    assert not found
