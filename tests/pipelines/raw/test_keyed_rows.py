"""Rows of a table by a key."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.raw.keyed_rows import KeyedRows

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)


@settings(deadline=None)  # the first call on a busy machine takes its time
@given(st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=30), WORDS)
def test_every_key_has_its_rows_in_their_order(listed, absent):
    columns = dict(zip(("key", "kind", "value"), zip(*listed, strict=True) if listed else [()] * 3, strict=True))
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    rows = KeyedRows(
        table.to_batches(max_chunksize=7) or [pa.RecordBatch.from_pylist([], table.schema)], "key", repetitive=("kind",)
    )
    assert sorted(rows.keys()) == sorted({key for key, _, _ in listed})
    for wanted in {absent, *rows.keys()}:
        assert rows[wanted] == [{"kind": kind, "value": value} for key, kind, value in listed if key == wanted]
