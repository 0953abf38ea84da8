"""The CheXbert reader on made-up weights of a tiny BERT, written as the published checkpoint is."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import BertModel, BertTokenizer

from chex.metrics.chexbert import LABELS, NAME, CheXbert
from chex.metrics.clinical import chexpert_labels, compare_labels
from tests.chex.metrics.tiny_bert import tiny_bert

REPORTS = [["No effusion.", "Heart large."], ["Small left effusion."], [], ["Edema."] * 300, ["No edema.", "Heart."]]
VALUES = (None, 1, 0, -1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A folder with tokenizer and configuration, the checkpoint, and the model that was written."""
    folder = tmp_path_factory.mktemp("chexbert")
    config = tiny_bert(folder)
    config.save_pretrained(folder)
    torch.manual_seed(0)
    heads = nn.ModuleList([nn.Linear(32, 4) for _ in range(13)] + [nn.Linear(32, 2)])
    model = nn.ModuleDict({"bert": BertModel(config), "linear_heads": heads}).eval()
    weights = {f"module.{name}": value for name, value in model.state_dict().items()}
    weights["module.bert.embeddings.position_ids"] = torch.arange(512)[None]
    torch.save({"epoch": 3, "model_state_dict": weights}, folder / "chexbert.pth")
    return folder, model


def read_by_hand(folder, model, sentences) -> dict[str, int]:
    """One report alone, without padding: first token, each head's largest output."""
    tokenizer = BertTokenizer.from_pretrained(str(folder))
    ids = tokenizer.convert_tokens_to_ids(["[CLS]", *tokenizer.tokenize(" ".join(sentences)), "[SEP]"])
    ids = ids if len(ids) <= 512 else [*ids[:511], 3]
    with torch.inference_mode():
        state = model["bert"](torch.tensor([ids]))[0][0, 0]
        values = [VALUES[int(head(state).argmax())] for head in model["linear_heads"]]
    return {label: value for label, value in zip(LABELS, values, strict=True) if value is not None}


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_it_reads_as_the_model_that_was_written(tiny, batch_size):
    folder, model = tiny
    expected = [read_by_hand(folder, model, report) for report in REPORTS]
    reader = CheXbert(folder / "chexbert.pth", folder, batch_size=batch_size)
    assert reader.read_reports(REPORTS) == expected
    assert reader.read_report(REPORTS[0]) == expected[0]
    assert len({tuple(sorted(labels.items())) for labels in expected}) > 2


def test_the_heads_decide(tiny, tmp_path):
    """A head that always prefers one class gives that class's value: absent, uncertain, not mentioned, present."""
    folder, model = tiny
    weights = {f"module.{name}": value.clone() for name, value in model.state_dict().items()}
    for head in range(14):
        weights[f"module.linear_heads.{head}.weight"].zero_()
        classes = 2 if head == 13 else 4
        weights[f"module.linear_heads.{head}.bias"] = torch.eye(classes)[head % classes]
    torch.save({"model_state_dict": weights}, tmp_path / "w.pth")
    read = CheXbert(tmp_path / "w.pth", folder).read_report(["Edema."])
    assert read == {label: VALUES[i % 4] for i, label in enumerate(LABELS) if i % 4 and i < 13} | {"No Finding": 1}
    assert "Enlarged Cardiomediastinum" not in read and read["Cardiomegaly"] == 1
    assert read["Lung Opacity"] == 0 and read["Lung Lesion"] == -1


def test_its_labels_are_those_of_the_clinical_scores(tiny):
    folder, _ = tiny
    read = CheXbert(folder / "chexbert.pth", folder).read_reports(REPORTS)
    assert set(LABELS) == set(chexpert_labels()) and NAME == "CheXbert"
    assert compare_labels(read, read).micro()[0] == 1.0


def test_what_is_missing_is_named(tiny, tmp_path):
    folder, _ = tiny
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pth"):
        CheXbert(tmp_path / "nowhere.pth", folder)
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        CheXbert(folder / "chexbert.pth", tmp_path)
    with pytest.raises(ValueError, match="at least 1"):
        CheXbert(folder / "chexbert.pth", folder, batch_size=0)
    with pytest.raises(TypeError, match="list of sentences"):
        CheXbert(folder / "chexbert.pth", folder).read_report("Edema.")


def test_other_weights_are_refused(tiny, tmp_path):
    folder, model = tiny
    torch.save(model.state_dict(), tmp_path / "bare.pth")
    with pytest.raises(ValueError, match="no 'model_state_dict'"):
        CheXbert(tmp_path / "bare.pth", folder)
    weights = dict(model.state_dict())
    del weights["linear_heads.13.bias"]
    torch.save({"model_state_dict": weights}, tmp_path / "part.pth")
    with pytest.raises(ValueError, match=r"linear_heads\.13\.bias"):
        CheXbert(tmp_path / "part.pth", folder)
    torch.save({"model_state_dict": model}, tmp_path / "objects.pth")
    with pytest.raises(ValueError, match="more than weights"):
        CheXbert(tmp_path / "objects.pth", folder)
