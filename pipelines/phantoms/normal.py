"""What a report says about the parts of the chest in which nothing is wrong, and never where something is."""

from __future__ import annotations

import random
from collections.abc import Iterator

from pipelines.phantoms.grammar import Sentence, normal_sentence, read_words
from pipelines.phantoms.truth import PhantomImage, PlacedFinding

_WHOLE_SIDE = {"right lung": "right", "left lung": "left"}
_MOST_SENTENCES = 7


def normal_findings(image: PhantomImage, said: list[Sentence], rng: random.Random) -> Iterator[tuple[str, Sentence]]:
    """(topic, sentence) for the FINDINGS section, none of which contradicts the image's findings or what was said."""
    groups = read_words("phrases")["normal"]
    wanted = rng.randint(3, 5) if image.findings else rng.randint(4, _MOST_SENTENCES)
    topics_done: set[str] = set()
    for group in sorted(groups, key=lambda _: rng.random()):
        if wanted == 0:
            return
        if rng.random() > group["chance"] or topics_done & set(group["about"]) or _was_said(group, said):
            continue
        choice = _choice(group, image, rng)
        if choice is None:
            continue
        region, regions = choice
        sentence = normal_sentence(group, [name for name in regions if name in image.regions], region, rng)
        topics_done |= set(group["about"])
        wanted -= 1
        yield group["topic"], sentence


def _was_said(group: dict, said: list[Sentence]) -> bool:
    """Whether a label that the group would deny was already stated, be it as a possibility."""
    mentioned = {name for sentence in said for name, _ in sentence.chexpert}
    return bool(mentioned & set(group.get("chexpert", ())))


def _choice(group: dict, image: PhantomImage, rng: random.Random) -> tuple[str | None, list[str]] | None:
    """(name of the region, regions) to speak about, None where the image forbids the whole group."""
    against = [finding for finding in image.findings if finding.kind in group["absent"]]
    if "each" not in group:
        return None if against else (None, group["regions"])
    free = [
        (name, regions)
        for name, regions in group["each"].items()
        if any(region in image.regions for region in regions)
        and not any(_touches(finding, regions) for finding in against)
    ]
    if not free or (group.get("asymmetric") and len(free) == len(group["each"])):
        return None
    return rng.choice(free)


def _touches(finding: PlacedFinding, regions: list[str]) -> bool:
    """Whether a finding is in one of the regions: named so, or on the side of a whole lung, or everywhere on a side."""
    if set(finding.regions) & set(regions):
        return True
    if finding.zone is None:
        sides = {region.split()[0] for region in regions}
    else:
        sides = {_WHOLE_SIDE[region] for region in regions if region in _WHOLE_SIDE}
    return bool(sides & {"right", "left"} if finding.side in ("bilateral", None) else sides & {finding.side})
