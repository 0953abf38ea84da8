"""The model card: front matter that a hub reads, and nothing invented."""

from __future__ import annotations

import yaml

from chex.model.card import TAGS, THRESHOLDS, model_card
from chex.model_config import InferenceConfig, base

TRAINED = {
    "model_name": "chex-base", "weights_sha256": "ab" * 32, "software_version": "0.1.0",
    "training": [
        {"stage": "detector", "preset": "base", "steps": 78000, "seed": 0,
         "pretrained": {"clip": "chexzero.pt", "language_model": "healx/gpt-2-pubmed-medium"},
         "data": {"images": {"mimic-cxr": 237000, "vindr-cxr": 15000}, "plan_hash": "1"}},
        {"stage": "post-decoder", "preset": "base", "steps": 500, "seed": 0, "data": None},
    ],
}  # fmt: skip


def front_matter(card: str) -> dict:
    opening, front, _ = card.split("---\n", 2)
    assert opening == ""
    return yaml.safe_load(front)


def test_a_trained_model_tells_its_stages_and_data():
    card = model_card(base(), TRAINED, {"image_encoder": 87_849_216, "detector": 28_134_405})
    front = front_matter(card)
    assert front["library_name"] == "chex-ray" and set(TAGS) == set(front["tags"])
    assert "license" not in front  # it is the owner's to choose
    for told in ("1. detector (preset base, at most 78,000 steps; clip from `chexzero.pt`",
                 "mimic-cxr (237,000 images), vindr-cxr (15,000 images)", "2. post-decoder", "sha256:" + "ab" * 32,
                 "| image encoder | 87,849,216 |", "| together | 115,983,621 |", "no medical device",
                 "224 × 224 pixels (stretch)"):  # fmt: skip
        assert told in card


def test_prompts_that_name_a_side_are_told_of_the_stage_that_asked_them():
    sides = {"objective": {"most_hinted_findings": 6}}
    detector, post_decoder = TRAINED["training"]
    card = model_card(base(), TRAINED | {"training": [detector | sides, post_decoder | sides]}, {})
    told = [line for line in card.splitlines() if "name a side" in line]
    assert len(told) == 1 and told[0].startswith("1. detector")
    assert "name a side" not in model_card(base(), TRAINED, {}) and "sentences of reports" not in card
    phrases = {"objective": {"most_phrases": 6}}
    assert "sentences of reports" in model_card(base(), TRAINED | {"training": [detector | phrases]}, {})


def test_every_threshold_is_in_the_card():
    card = model_card(base(), {}, {})
    assert set(THRESHOLDS) == set(InferenceConfig.__dataclass_fields__)
    assert all(f"| {name} |" in card for name in THRESHOLDS)
    assert "Its training is not recorded." in card


def test_a_stated_licence_is_in_the_front_matter():
    assert front_matter(model_card(base(), {"licence": "mit"}, {}))["license"] == "mit"


def test_what_must_be_known_first_stands_before_the_use():
    card = model_card(base(), {"notice": "Synthetic only."}, {})
    assert card.index("**Synthetic only.**") < card.index("## How to use it")
    assert "**" not in model_card(base(), {}, {}).split("## How to use it")[0]


def test_names_from_outside_cannot_break_the_card():
    name = "evil`\n---\nlicense: mit\n# <script>alert(1)</script> |"
    imported = {"what": name, "file": name, "sha256": "0", "clip_tokenizer": name, "language_model": name}
    card = model_card(base(), {"model_name": name, "imported": imported}, {})
    assert "license" not in front_matter(card) and "<script>" not in card
    assert [line for line in card.splitlines() if line.startswith("# ")] == [
        "# evil' --- license: mit # ‹script>alert(1)‹/script> /"
    ]
