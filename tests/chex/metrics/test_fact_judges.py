from __future__ import annotations

import pytest
import torch
from transformers import BertForSequenceClassification, BertTokenizer

from chex.metrics.fact_judges import EntailmentJudge, Question, Verdict, rule_based_judge
from chex.metrics.nli import NliModel
from tests.chex.metrics.tiny_bert import tiny_bert


@pytest.mark.parametrize(
    ("premises", "hypothesis", "expected"),
    [
        (["Small left effusion."], "There is a pleural effusion.", Verdict(True, (0,))),
        (["No effusion."], "There is a pleural effusion.", Verdict(False)),
        (["Possible effusion."], "There is a pleural effusion.", Verdict(False)),
        (["Small right effusion."], "Left pleural effusion.", Verdict(False)),
        (["Bilateral effusions."], "Left pleural effusion.", Verdict(True, (0,))),
        (["Cardiomegaly.", "No edema.", "Left effusion."], "Cardiomegaly and effusion.", Verdict(True, (0, 2))),
        (["Cardiomegaly.", "No edema."], "Cardiomegaly and effusion.", Verdict(False)),
        (["No effusion or pneumothorax.", "No effusion."], "No pleural effusion.", Verdict(True, (0, 1))),
        (["Scoliosis is noted"], "Scoliosis is noted.", Verdict(True, (0,))),
        (["Tortuous aorta."], "Scoliosis is noted.", Verdict(False)),
        ([], "No effusion.", Verdict(False)),
    ],
)
def test_rules(premises, hypothesis, expected):
    assert rule_based_judge().judge([Question(tuple(premises), hypothesis)]) == [expected]


def test_a_function_that_says_yes_or_no():
    """Entailed is a number that is at most the premises' sum: evidence is who reaches it alone, else all."""
    asked = []

    def at_most(questions):
        asked.append(len(questions))
        return [int(hypothesis) <= sum(map(int, premises)) for premises, hypothesis in questions]

    judge = EntailmentJudge(at_most, "sums")
    questions = [Question(("1", "5"), "4"), Question(("2", "3"), "4"), Question(("1",), "4"), Question((), "0")]
    assert judge.judge(questions) == [Verdict(True, (1,)), Verdict(True, (0, 1)), Verdict(False), Verdict(False)]
    assert asked == [3, 4]  # two batches: all questions, then single premises of what is entailed
    with pytest.raises(ValueError, match="answer every question; found 0 for 1"):
        EntailmentJudge(lambda questions: [], "mute").judge(questions[:1])


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nli")
    config = tiny_bert(
        folder,
        max_position_embeddings=64,
        id2label={0: "CONTRADICTION", 1: "neutral", 2: "ENTAILMENT"},
        label2id={"CONTRADICTION": 0, "neutral": 1, "ENTAILMENT": 2},
    )
    torch.manual_seed(2)
    model = BertForSequenceClassification(config).eval()
    model.save_pretrained(folder)
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder, model


def test_a_model_from_a_folder(tiny):
    folder, model = tiny
    questions = [
        (("no effusion .",), "small effusion ."),
        (("small left effusion .", "heart large ."), "effusion ."),
        (("edema .",) * 50, "edema ."),
        (("heart large .",), "no edema ."),
    ]
    tokenizer = BertTokenizer.from_pretrained(str(folder))
    probabilities = []
    for premises, hypothesis in questions:
        first, second = (tokenizer.convert_tokens_to_ids(text.split()) for text in (" ".join(premises), hypothesis))
        first = first[: 64 - 3 - len(second)]
        ids, kinds = [2, *first, 3, *second, 3], [0] * (len(first) + 2) + [1] * (len(second) + 1)
        with torch.inference_mode():
            logits = model(torch.tensor([ids]), token_type_ids=torch.tensor([kinds])).logits
        probabilities.append(logits.softmax(dim=1)[0, 2].item())
    least = sorted(probabilities)[2] - 1e-4
    expected = [probability >= least for probability in probabilities]
    assert expected.count(True) == 2
    assert NliModel(folder, batch_size=2, least=least)(questions) == expected
    judge = EntailmentJudge(NliModel(folder, least=least), "tiny model")
    assert [v.entailed for v in judge.judge([Question(*question) for question in questions])] == expected


def test_a_model_without_the_class_is_refused(tiny, tmp_path):
    folder, model = tiny
    model.config.id2label = {0: "no", 1: "maybe", 2: "yes"}
    model.save_pretrained(tmp_path)
    BertTokenizer.from_pretrained(str(folder)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"one class called entailment expected; the model has \['no'"):
        NliModel(tmp_path)
    with pytest.raises(ValueError, match="found 0 and 0.5"):
        NliModel(folder, batch_size=0)
