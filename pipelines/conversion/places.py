"""Where a conversion reads and writes: checked before anything is read, each fault with the place it is about."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from pipelines.adapters import SourceError
from pipelines.output_folder import OutputFolder
from pipelines.raw.folder import RawFolder


def check_places(sources: Sequence[tuple[str, str]], output: OutputFolder) -> None:
    """Raise one SourceError for sources (kind, root) given twice or no folders, an output in one, or no place at all."""
    counts = Counter(kind for kind, _ in sources)
    faults = [f"expected {kind} once; found it {number} times" for kind, number in counts.items() if number > 1]
    try:
        _ = output.filesystem
    except (ValueError, ImportError) as error:
        faults.append(f"{output.root}: expected a folder to write to, or the URI of one: {error}")
    written = _comparable(output.root)
    for kind, root in dict.fromkeys(sources):
        try:
            RawFolder(root).check()
        except SourceError as fault:
            faults.append(f"{kind}: {fault}")
            continue
        read = _comparable(root)
        if written == read or written.startswith(f"{read}/"):
            faults.append(f"{output.root}: expected an output outside of all sources; found it inside {kind}={root}")
    if faults:
        raise SourceError("; ".join(faults))


def _comparable(place: str) -> str:
    """The same text for the same place, whichever links lead there."""
    return (place if "://" in place else os.path.realpath(place)).rstrip("/")
