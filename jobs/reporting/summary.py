"""The summary of a report run as lines to read."""

from __future__ import annotations


def readable_summary(summary: dict, output: str) -> str:
    """The lines shown at the end of a run; `summary` is what OUTPUT/summary.json holds."""
    run = summary["this_run"]
    lines = [
        f"{summary['reported']} of {summary['images']} images reported on",
        *_listed("not reported", summary["not_reported"]),
        *_listed("not exported", summary["not_exported"]),
        *_listed("in quarantine", summary["quarantined"]),
        *_listed("files that are no image, left alone", summary["skipped_files"]),
        f"this run: {run['images']} images in {run['seconds']} s ({run['images_per_second']} a second)"
        + (f", {run['already_done']} were done before" if run["already_done"] else ""),
        f"results: {output}",
    ]
    return "\n".join(lines)


def _listed(title: str, counts: dict[str, int]) -> list[str]:
    if not counts:
        return []
    total = sum(counts.values())
    return [f"{title}: {total}", *(f"  {count:>7} × {reason}" for reason, count in counts.items())]
