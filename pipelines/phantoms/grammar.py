"""Sentences about a phantom's findings, made from the templates of phrases.yaml: each knows what it states."""

from __future__ import annotations

import functools
import random
import re
from dataclasses import dataclass
from pathlib import Path

from pipelines.phantoms.truth import PlacedFinding

_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeio]|8|11 |18 )")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence and what it states.

    `labels` are (name in Chest ImaGenome's terms, present), stated for every one of `regions`; `chexpert` are
    (label, 1 present | 0 absent | -1 uncertain); `findings` are indices into the image's findings.
    """

    text: str
    regions: tuple[str, ...]
    labels: tuple[tuple[str, bool], ...]
    chexpert: tuple[tuple[str, int], ...]
    abnormal: bool
    findings: tuple[int, ...] = ()
    severity: str | None = None


@functools.cache
def read_words(name: str) -> dict:
    """A data file of this folder, `phrases` or `headers`."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(Path(__file__).with_name(f"{name}.yaml").read_text(encoding="utf-8"), Loader=loader)


def finding_sentence(
    kind: str, findings: dict[int, PlacedFinding], part: str, in_image: set[str], rng: random.Random
) -> Sentence | None:
    """A sentence about one finding or, for a pair, two: `part` is a list of the kind's templates ("findings",
    "hedged", "impression", "hedged_impression"), `in_image` the regions that a sentence may be attached to.

    None where no template fits; ValueError for a kind that phrases.yaml does not know.
    """
    entry = read_words("phrases")["findings"].get(kind)
    if entry is None:
        known = ", ".join(sorted(read_words("phrases")["findings"]))
        raise ValueError(f"phrases.yaml has no sentences for the finding {kind!r}; it knows {known}")
    return _sentence_from(entry.get(part, []), entry, findings, in_image, rng)


def pair_sentence(findings: dict[int, PlacedFinding], in_image: set[str], rng: random.Random) -> Sentence | None:
    """One sentence for two findings of the same side, None where no template fits."""
    kinds = [finding.kind for finding in findings.values()]
    groups = [group for group in read_words("phrases")["pairs"] if group["kinds"] == kinds]
    sides = {finding.side for finding in findings.values()} - {None}
    return _sentence_from(groups, {}, findings, in_image, rng) if len(sides) < 2 else None


def normal_sentence(group: dict, regions: list[str], region: str | None, rng: random.Random) -> Sentence:
    """A sentence of a group of `normal` or `normal_impression`; `region` fills its {region}."""
    return Sentence(
        text=_finish(_fill(rng.choice(group["say"]), {"region": (region,)}, rng)),
        regions=tuple(regions),
        labels=tuple((name, False) for name in group.get("cig", ())),
        chexpert=tuple((name, 0) for name in group.get("chexpert", ())),
        abnormal=False,
    )


def _sentence_from(
    groups: list[dict], entry: dict, findings: dict[int, PlacedFinding], in_image: set[str], rng: random.Random
) -> Sentence | None:
    first = next(iter(findings.values()))
    fitting = [group for group in groups if _fits(group.get("when", {}), first)]
    if not fitting:
        return None
    group = rng.choices(fitting, weights=[len(group["say"]) for group in fitting])[0]
    chexpert = group.get("chexpert", entry.get("chexpert", {}))
    names = group.get("cig", entry.get("cig", []))
    touched = {region for finding in findings.values() for region in finding.regions}
    device = first.kind == "support device"  # a tube where it belongs is neither abnormal nor more or less severe
    return Sentence(
        text=_finish(_fill(rng.choice(group["say"]), _slots(first), rng)),
        regions=tuple(region for region in sorted(touched) if region in in_image),
        labels=tuple((name, True) for name in names),
        chexpert=tuple(chexpert.items()),
        abnormal=not device,
        findings=tuple(findings),
        severity=None if device else first.severity,
    )


def _fits(when: dict, finding: PlacedFinding) -> bool:
    one_side = finding.side in ("right", "left")
    checks = {
        "side": lambda wanted: one_side if wanted == "one" else finding.side == "bilateral",
        "severity": lambda wanted: finding.severity in wanted,
        "zone": lambda wanted: finding.zone in wanted,
        "count": lambda wanted: (max(len(finding.boxes), finding.details.get("ribs", 1)) > 1) == (wanted == "many"),
        "device": lambda wanted: device_of(finding) in wanted,
        "position": lambda wanted: finding.details.get("position", "upright") == wanted,
        "measured": lambda wanted: ("size_mm" in finding.details) == wanted,
    }
    if unknown := set(when) - set(checks):
        raise ValueError(f"phrases.yaml: `when` knows {', '.join(checks)}; found {', '.join(sorted(unknown))}")
    return all(checks[key](wanted) for key, wanted in when.items())


@functools.cache
def _known_devices() -> frozenset[str]:
    groups = read_words("phrases")["findings"]["support device"]["findings"]
    return frozenset(name for group in groups for name in group["when"]["device"])


def device_of(finding: PlacedFinding) -> str:
    """The device's name as phrases.yaml has it, "other" for one it does not know."""
    device = str(finding.details.get("device", "other"))
    return device if device in _known_devices() else "other"


def _zone_in_words(finding: PlacedFinding) -> str | None:
    """The finding's zone; where its projection lies in other zones alone, the uppermost of those."""
    sides = ("right", "left") if finding.side == "bilateral" else (finding.side,)
    zones = ("upper", "mid", "lower")
    touched = [zone for zone in zones if any(f"{side} {zone} lung zone" in finding.regions for side in sides)]
    return touched[0] if finding.zone in zones and touched and finding.zone not in touched else finding.zone


def _slots(finding: PlacedFinding) -> dict[str, tuple[str, ...]]:
    phrases = read_words("phrases")
    place = phrases["places"][finding.side or "bilateral"][_zone_in_words(finding) or "none"]
    slots = {name: tuple(words[finding.severity]) for name, words in phrases["severities"].items()}
    slots |= {"side": (finding.side or "bilateral",), "in_place": tuple(place["in"]), "place": tuple(place["at"])}
    slots["device"] = (str(finding.details.get("device", "support device")),)
    if "size_mm" in finding.details:
        size_mm = float(finding.details["size_mm"])
        slots["measure"] = (f"{size_mm:.0f} mm" if size_mm < 20 else f"{size_mm / 10:.1f} cm",)
    return slots


def _fill(template: str, slots: dict[str, tuple[str, ...]], rng: random.Random) -> str:
    words = read_words("phrases")["words"]

    def word(match: re.Match) -> str:
        name = match[1]
        if name not in slots and name not in words:
            raise ValueError(f"phrases.yaml: {{{name}}} in {template!r} is neither among `words` nor known here")
        return rng.choice(slots[name] if name in slots else words[name])

    return _SLOT.sub(word, template)


def _finish(text: str) -> str:
    text = _ARTICLE.sub(r"\1n ", text)
    return f"{text[0].upper()}{text[1:]}."
