"""What one Ray task does: one shard of studies to one Parquet file, and what could not be used to a quarantine file."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from functools import lru_cache

import pyarrow as pa
import pyarrow.parquet as pq

from chex.pixels import UnusableImage, read_radiograph
from chex.records import Study
from pipelines.adapters import AnnotationSource, LeftOut, SourceError, UnusableInput, open_sources
from pipelines.conversion.image import convert_image
from pipelines.conversion.isolation import isolated
from pipelines.conversion.shard_plan import read_shard
from pipelines.output_folder import OutputFolder
from pipelines.raw.image_files import read_image_file
from pipelines.schema import FILE_SCHEMA, SCHEMA_VERSION, VERSION_KEY, to_row
from pipelines.stores import patiently

ROWS_PER_GROUP = 64
QUARANTINE_SCHEMA = pa.schema([(name, pa.string()) for name in ("uri", "stage", "reason", "sample_id")])

_HASH_KEY, _COUNTS_KEY = b"chex.plan_hash", b"chex.counts"
_READ_AHEAD = 4
_NOT_DATA = {"image", "source_uri", "converter_version"}  # where data come from is not what they are


@dataclass(frozen=True, slots=True)
class ShardTask:
    """What every shard of one conversion has in common."""

    sources: tuple[tuple[str, str], ...]  # (kind, root)
    output: str
    image_size: int  # pixels of the stored image's shorter side
    plan_hash: str
    run: str = ""  # another one for every start: what workers remember of an earlier one may be outdated
    isolate: bool = False  # decode in a process of its own, which an image may kill


@dataclass(slots=True)
class ShardCounts:
    """What became of a shard's studies."""

    dataset: str
    split: str
    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)  # reason -> number
    quarantined: Counter[str] = field(default_factory=Counter)
    sha256: str = ""  # of what the rows hold

    @property
    def inputs(self) -> int:
        return self.rows + self.left_out.total() + self.quarantined.total()

    def to_json(self) -> str:
        return json.dumps({column.name: getattr(self, column.name) for column in fields(self)})

    @classmethod
    def from_json(cls, text: str | bytes) -> ShardCounts:
        known = json.loads(text)
        return cls(**{**known, **{name: Counter(known[name]) for name in ("left_out", "quarantined")}})


def convert_shard(index: int, task: ShardTask) -> ShardCounts:
    """Convert shard number `index` of the plan, or only count it if its file is complete.

    Raises:
        SourceError: a table of a source cannot be read, or the file in its place is of another conversion.
        StoreUnreachable: images cannot be read or files not be written, and trying again did not help.
    """
    output = OutputFolder(task.output)
    name, studies = read_shard(output, index)
    counts = _counts_of_finished(output, f"{name}.parquet", task.plan_hash)
    if counts is not None:
        return counts
    counts = ShardCounts(studies[0].dataset, studies[0].split)
    sources = [source for source in _open_sources(task.sources, task.run) if counts.dataset in source.datasets]
    decode = isolated(read_radiograph) if task.isolate else read_radiograph
    rows, quarantine = [], []
    for study, content in _read_ahead(studies):
        try:
            rows.append(to_row(convert_image(study, content.result(), sources, task.image_size, decode)))
        except LeftOut as rule:
            counts.left_out[rule.reason] += 1
        except (UnusableImage, UnusableInput) as fault:
            counts.quarantined[fault.reason] += 1
            quarantine.append(
                {"uri": study.uri, "stage": fault.stage, "reason": fault.reason, "sample_id": study.sample_id}
            )
    counts.rows, counts.sha256 = len(rows), _hash_of(rows)
    # the shard's own file comes last: once it is there, the shard is done
    refused = f"quarantine/{name.replace('dataset=', '').replace('split=', '').replace('/', '-')}.parquet"
    if quarantine:
        output.write(refused, _parquet(pa.Table.from_pylist(quarantine, QUARANTINE_SCHEMA)))
    else:
        output.remove(refused)  # by a killed attempt, that found a fault which is mended now
    schema = FILE_SCHEMA.with_metadata(
        {
            VERSION_KEY: SCHEMA_VERSION.encode(),
            _HASH_KEY: task.plan_hash.encode(),
            _COUNTS_KEY: counts.to_json().encode(),
        }
    )
    columns = [{key: row[key] for key in FILE_SCHEMA.names} for row in rows]
    output.write(f"{name}.parquet", _parquet(pa.Table.from_pylist(columns, schema)))
    return counts


@lru_cache(maxsize=1)
def _open_sources(sources: tuple[tuple[str, str], ...], run: str) -> list[AnnotationSource]:
    # once per worker process: their tables are loaded at the first use and then serve every later shard
    return open_sources(sources)


def _read_ahead(studies: Sequence[Study]) -> Iterator[tuple[Study, Future[bytes]]]:
    """Each study with its file's bytes, reading a few files ahead so that a remote store does not hold up decoding."""
    with ThreadPoolExecutor(_READ_AHEAD) as pool:
        waiting: deque[tuple[Study, Future[bytes]]] = deque()
        for study in studies:
            waiting.append((study, pool.submit(_read, study.uri)))
            if len(waiting) > _READ_AHEAD:
                yield waiting.popleft()
        yield from waiting


def _read(uri: str) -> bytes:
    try:
        return patiently(lambda: read_image_file(uri), uri)
    except OSError as error:
        raise UnusableInput("read", f"{type(error).__name__}: the file cannot be opened") from error


def _hash_of(rows: Sequence[Mapping[str, object]]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps({name: row[name] for name in sorted(row.keys() - _NOT_DATA)}).encode())
        digest.update(hashlib.sha256(row["image"]).digest())
    return digest.hexdigest()


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    # dictionaries and statistics of image bytes would repeat the images in the file's header
    plain = [name for name in table.column_names if name != "image"]
    pq.write_table(
        table,
        sink,
        row_group_size=ROWS_PER_GROUP,
        compression="zstd",
        use_dictionary=plain,
        write_statistics=plain,
        write_page_checksum=True,  # a broken image may still decode
    )
    return sink.getvalue()


def _counts_of_finished(output: OutputFolder, name: str, plan_hash: str) -> ShardCounts | None:
    if not output.exists(name):
        return None
    metadata = output.parquet_metadata(name)
    if metadata is None:
        return None  # a disk that failed may leave a damaged file: made again
    if metadata.get(_HASH_KEY, b"").decode() != plan_hash:
        raise SourceError(f"{output.uri(name)} belongs to another conversion; convert into an empty folder")
    return ShardCounts.from_json(metadata[_COUNTS_KEY])
