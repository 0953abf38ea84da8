"""A phantom's radiology report: which sentences it has, and the text around them in the manner of MIMIC-CXR."""

from __future__ import annotations

import random
import re
import textwrap
from dataclasses import dataclass

from chex.vocabulary import load
from pipelines.phantoms.grammar import Sentence, finding_sentence, normal_sentence, pair_sentence, read_words
from pipelines.phantoms.normal import normal_findings
from pipelines.phantoms.truth import PhantomImage, PlacedFinding

# what may be seen in a patient about whom a radiologist still writes "no acute cardiopulmonary process"
CHRONIC = {"calcified granuloma", "pleural thickening", "emphysema", "aortic enlargement", "cardiomegaly"}
_ORDERS = (
    ("devices", "lungs", "pleura", "heart", "mediastinum", "bones", "abdomen"),
    ("devices", "heart", "mediastinum", "lungs", "pleura", "bones", "abdomen"),
    ("lungs", "pleura", "heart", "mediastinum", "bones", "abdomen", "devices"),
)
_SEVERITIES = ("severe", "moderate", "mild")


@dataclass(frozen=True, slots=True)
class PhantomReport:
    """A report's text and the sentences of its two sections (either may be empty), as they stand in the text."""

    text: str
    indication: str
    findings: tuple[Sentence, ...]
    impression: tuple[Sentence, ...]

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        return self.findings + self.impression


def write_report(image: PhantomImage, seed: int) -> PhantomReport:
    """The report of one phantom, always the same for the same image and seed."""
    rng = random.Random(f"report {seed}")
    hedged = {index: rng.random() < (0.2 if finding.severity == "mild" else 0.08)
              for index, finding in enumerate(image.findings)}  # fmt: skip
    layout = rng.choices(("both", "impression only", "together"), weights=(82, 10, 8))[0]
    impression = _impression(image, hedged, rng, everything=layout == "impression only")
    findings = () if layout == "impression only" else _findings(image, hedged, rng)
    indication = _indication(image, rng)
    text = _text(image, indication, findings, impression, layout, rng)
    return PhantomReport(text, indication, findings, impression)


def chexpert_labels(image: PhantomImage, report: PhantomReport) -> dict[str, int]:
    """The 14 labels as a reader of the report finds them: 1, 0 or -1; labels that are not mentioned are absent."""
    found: dict[str, int] = {}
    for sentence in report.sentences:
        for name, value in sentence.chexpert:
            found[name] = max(found.get(name, 0), value, key=(0, -1, 1).index)
    if all(finding.kind == "support device" for finding in image.findings):
        found["No Finding"] = 1
    return {name: found[name] for name in chexpert_names() if name in found}


def chexpert_names() -> tuple[str, ...]:
    """The 14 labels as MIMIC-CXR-JPG's tables spell them."""
    return tuple(label.partition("/")[2] for label in load().labels_of("chexpert"))


def _findings(image: PhantomImage, hedged: dict[int, bool], rng: random.Random) -> tuple[Sentence, ...]:
    by_topic: dict[str, list[Sentence]] = {}
    topics = {kind: entry["topic"] for kind, entry in read_words("phrases")["findings"].items()}
    for sentence in _positive(image, hedged, rng):
        kind = image.findings[sentence.findings[0]].kind
        by_topic.setdefault(topics[kind], []).append(sentence)
    said = [sentence for sentences in by_topic.values() for sentence in sentences]
    for topic, sentence in normal_findings(image, said, rng):
        by_topic.setdefault(topic, []).append(sentence)
    order = rng.choices(_ORDERS, weights=(5, 4, 2))[0]
    return _without_repeats(sentence for topic in order for sentence in by_topic.get(topic, ()))


def _positive(image: PhantomImage, hedged: dict[int, bool], rng: random.Random) -> list[Sentence]:
    left = dict(enumerate(image.findings))
    in_image = set(image.regions)
    sentences = []
    for first, second in [(a, b) for a in left for b in left if a != b]:
        if first in left and second in left and not (hedged[first] or hedged[second]) and rng.random() < 0.4:
            pair = pair_sentence({first: left[first], second: left[second]}, in_image, rng)
            if pair is not None:
                sentences.append(pair)
                del left[first], left[second]
    for index, finding in left.items():
        sentences.append(_about(index, finding, hedged[index], "findings", "hedged", in_image, rng))
    return sentences


def _about(
    index: int, finding: PlacedFinding, hedged: bool, sure: str, unsure: str, in_image: set[str], rng: random.Random
) -> Sentence:
    for part in (unsure, sure) if hedged else (sure,):
        sentence = finding_sentence(finding.kind, {index: finding}, part, in_image, rng)
        if sentence is not None:
            return sentence
    raise ValueError(f"phrases.yaml: no sentence under `{sure}` fits {finding}")


def _impression(
    image: PhantomImage, hedged: dict[int, bool], rng: random.Random, everything: bool
) -> tuple[Sentence, ...]:
    phrases = read_words("phrases")["normal_impression"]
    kinds = {finding.kind for finding in image.findings} - {"support device"}
    ranked = sorted(enumerate(image.findings), key=lambda item: _SEVERITIES.index(item[1].severity))
    if not everything:
        ranked = [item for item in ranked if item[1].kind not in ("support device", "calcified granuloma")][:4]
    sentences = [
        _about(index, finding, hedged[index], "impression", "hedged_impression", set(image.regions), rng)
        for index, finding in ranked
    ]
    if not kinds:
        # nobody calls a chest with a tube in it normal
        group = rng.choice(phrases["normal"][:-1] if image.findings else phrases["normal"])
        sentences.append(normal_sentence(group, [r for r in group["regions"] if r in image.regions], None, rng))
    elif kinds <= CHRONIC and (not sentences or rng.random() < 0.6):
        sentences.insert(0, normal_sentence(rng.choice(phrases["chronic"]), [], None, rng))
    return _without_repeats(sentences)


def _without_repeats(sentences) -> tuple[Sentence, ...]:
    return tuple({sentence.text: sentence for sentence in sentences}.values())


def _indication(image: PhantomImage, rng: random.Random) -> str:
    words = read_words("headers")
    kinds = [finding.kind for finding in image.findings]
    reasons = words["reasons"][rng.choice(kinds) if kinds and rng.random() < 0.6 else "any"]
    age = rng.choice(words["ages"])
    age = f"___{image.sex}" if age in ("___F", "___M") else f"{age} {rng.choice(words['people'][image.sex])}"
    question = f"  // {rng.choice(words['questions'])}" if rng.random() < 0.4 else ""
    return f"{age} with {rng.choice(reasons)}{question}"


def _text(
    image: PhantomImage, indication: str, findings: tuple, impression: tuple, layout: str, rng: random.Random
) -> str:
    words = read_words("headers")
    lines = []
    if rng.random() < 0.01:
        draft = " ".join(sentence.text for sentence in impression)
        lines += [" WET READ: ___ ___ 8:19 AM", *_wrapped(f" {draft}"), f" {'_' * 78}"]
    lines += [f"{'FINAL REPORT':>45}"]
    if rng.random() < 0.8:
        lines += [f" EXAMINATION:  {rng.choice(words['examinations'][image.view])}", " "]
    lines += [*_wrapped(f"{rng.choice(('INDICATION', 'INDICATION', 'HISTORY'))}:  {indication}"), " "]
    if rng.random() < 0.5:
        lines += [*_wrapped(f"TECHNIQUE:  {rng.choice(words['techniques'][image.view])}"), " "]
    if rng.random() < 0.8:
        lines += [*_wrapped(f"COMPARISON:  {rng.choice(words['comparisons'])}"), " "]
    if layout == "together":
        return _join(lines + _section("FINDINGS AND IMPRESSION", findings + impression, False, rng))
    if findings:
        lines += _section("FINDINGS", findings, False, rng)
    title = "IMPRESSON" if rng.random() < 0.005 else "IMPRESSION"
    lines += _section(title, impression, len(impression) > 1 and rng.random() < 0.6, rng)
    if any(finding.severity == "severe" for finding in image.findings) and rng.random() < 0.1:
        lines += _section("NOTIFICATION", (), False, rng, rng.choice(words["notifications"]))
    return _join(lines)


def _section(title: str, sentences: tuple, numbered: bool, rng: random.Random, text: str = "") -> list[str]:
    if numbered:
        items = [f"{number}. {sentence.text}" for number, sentence in enumerate(sentences, start=1)]
        return [f" {title}: ", " ", *(line for item in items for line in _wrapped(item)), " "]
    text = text or "  ".join(sentence.text for sentence in sentences)
    if rng.random() < 0.3:
        return [*_wrapped(f"{title}:  {text}"), " "]
    return [f" {title}: ", " ", *_wrapped(text), " "]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 79, initial_indent=" ", subsequent_indent=" ", break_on_hyphens=False)


def _join(lines: list[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def phrase_in(text: str, sentence: str) -> str:
    """The sentence as it stands in the report, with its line breaks; ValueError where it is not there."""
    found = re.search(r"\s+".join(map(re.escape, sentence.split())), text)
    if found is None:
        raise ValueError(f"the report has no sentence {sentence!r}")
    return found[0]
