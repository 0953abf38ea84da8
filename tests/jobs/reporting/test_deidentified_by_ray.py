"""A de-identified run as it is for real: Ray's actors, the model that comes along, and a key that only the driver has."""

from __future__ import annotations

import pyarrow.parquet as pq

from tests.jobs.reporting import test_formats_and_names as named

place = named.place


def test_rays_actors_write_nothing_that_tells_who_it_is(ray_local, place, tmp_path, monkeypatch):
    plain = named.make(place, tmp_path / "plain", formats=("parquet", "dicom-sr", "text"))
    monkeypatch.setenv(named.KEY, named.SECRET)
    output = tmp_path / "out"
    summary = named.make(place, output, deidentify=True, formats=("parquet", "dicom-sr", "text"))
    assert summary["reported"] == plain["reported"] == 3
    assert sorted(summary["quarantined"].values()) == sorted(plain["quarantined"].values())
    assert named.told(tmp_path / "plain") and not named.told(output)
    assert named.SECRET.encode() not in b"".join(named.contents(output).values())
    texts = [
        sorted(map(str, pq.read_table(folder / "parquet")["text"].to_pylist()))
        for folder in (tmp_path / "plain", output)
    ]
    assert texts[0] == texts[1], "what is reported does not depend on whose image it is"
