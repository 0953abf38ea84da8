"""The summary of a report run as lines to read."""

from __future__ import annotations


def readable_summary(summary: dict, output: str) -> str:
    """The lines shown at the end of a run; `summary` is what OUTPUT/summary.json holds."""
    run, reported = summary["this_run"], summary["reported"]
    lines = [
        f"{reported} of {summary['images']} images reported on",
        *([f"  {_share(summary['normal'], reported)}  look normal"] if reported else ()),
        *(f"  {_share(count, reported)}  state {label}" for label, count in summary["labels"].items()),
        *_listed("not reported", summary["not_reported"]),
        *_listed("not exported", summary["not_exported"]),
        *_listed("in quarantine", summary["quarantined"]),
        *_listed("files that are no image, left alone", summary["left_alone"]),
        f"this run: {run['images']} images in {run['seconds']} s ({_rates(run)})"
        + (f", {run['already_done']} were done before" if run["already_done"] else ""),
        f"results: {output}",
    ]
    return "\n".join(lines)


def _share(count: int, total: int) -> str:
    return f"{count:>7} ({count / total:>4.0%})"


def _listed(title: str, counts: dict[str, int]) -> list[str]:
    if not counts:
        return []
    total = sum(counts.values())
    return [f"{title}: {total}", *(f"  {count:>7} × {reason}" for reason, count in counts.items())]


def _rates(run: dict) -> str:
    rates = f"{run['images_per_second']} a second"
    if run["images_per_second_under_way"] is not None:
        rates += f", {run['images_per_second_under_way']} once under way"
    return rates
