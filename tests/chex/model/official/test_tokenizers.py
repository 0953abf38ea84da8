"""CLIP's and GPT-2's tokenizers: the ids that their own programs give, from the files that people have."""

from __future__ import annotations

import gzip
import json
import shutil

import pytest
import torch
from transformers import GPT2Config

from chex.model.official.tokenizers import clip_tokenizer, language_model_config, language_model_tokenizer
from chex.model.tokenizer import Tokenizer, TokenizerConfig, clip_cleaned


@pytest.fixture(scope="module")
def clip(shared) -> Tokenizer:
    return clip_tokenizer(shared / "data" / "clip_bpe" / "bpe_simple_vocab_16e6.txt.gz")


@pytest.fixture(scope="module")
def gpt2_sets(shared):
    return sorted(path.parent for path in (shared / "parity").glob("*/gpt2_tiny/config.json"))


def ids_of(tokenizer: Tokenizer, text: str, context: int = 77) -> list[int]:
    ids, lengths = tokenizer.encode([text], context=context)
    return ids[0, : lengths[0]].tolist()


def test_clip_ids_are_the_recorded_ones(shared, clip):
    for file in (shared / "parity").glob("*/pyfuncs.json"):
        for case in json.loads(file.read_text())["clip_tokenize"]:
            found = ids_of(clip, case["text"])
            assert found + [0] * (77 - len(found)) == case["ids"], case["text"]


def test_a_long_text_is_cut_and_still_ends(clip):
    ids = ids_of(clip, "effusion " * 200)
    assert len(ids) == 77 and ids[0] == clip.start_id == 49406 and ids[-1] == clip.end_id == 49407
    assert clip.decode([ids_of(clip, "Small left effusion")[1:-1]]) == ["small left effusion"]


def test_clip_ids_are_the_librarys_where_both_clean_alike(shared, clip, tmp_path):
    """transformers' tokenizer, made from the same table, on texts that need no repair."""
    from transformers import CLIPTokenizer

    with gzip.open(shared / "data" / "clip_bpe" / "bpe_simple_vocab_16e6.txt.gz", "rt", encoding="utf-8") as file:
        merges = [tuple(line.split()) for line in file.read().split("\n")[1:48895]]
    vocabulary = clip._bpe.get_vocab()
    theirs = CLIPTokenizer(vocab=vocabulary, merges=merges)
    for text in ("Heart size is normal.", "5mm nodule, RUL (unchanged)", "there's no PTX?!", "\u00e9panchement pleural",
                 "T12/L1  fracture\n\tagain", "a<b & c>d", "don't we'll 'tis", "\u80ba\u708e", "\U0001fac1 lungs"):  # fmt: skip
        assert ids_of(clip, text) == theirs(text)["input_ids"], text


def test_texts_are_repaired_as_clip_repairs_them():
    assert clip_cleaned("  na\u00c3\u00afve&amp;amp;\u00a0 \u201cQUOTES\u201d \n") == 'na\u00efve& "quotes"'


def test_clip_tables_come_in_several_forms(shared, clip, tmp_path):
    with gzip.open(shared / "data" / "clip_bpe" / "bpe_simple_vocab_16e6.txt.gz", "rb") as file:
        table = file.read()
    (tmp_path / "merges.txt").write_bytes(b"\n".join(table.split(b"\n")[:48895]) + b"\n")
    text = "Right-sided pleural effusion"
    assert ids_of(clip_tokenizer(tmp_path), text) == ids_of(clip, text)
    clip.save(tmp_path / "saved.json")
    assert ids_of(Tokenizer.load(tmp_path / "saved.json", clip.config), "caf\u00e9 \u201cA\u201d") == ids_of(
        clip, "caf\u00e9 \u201cA\u201d"
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "found 0"),
        (b"#version: 0.2\ni n\nt h\n", "expected 48894 pairs behind a heading, found 2"),
        (b'{"version": "1.0"}', "found 0"),
        (b"\xff\xfe" * 100, "is no table of merges"),
        (gzip.compress(b"i n\n" * 100)[:60], "is no table of merges|found"),
        (b"heading\n" + b"i n\n" * 48894, "makes 48893 tokens twice"),
        (b"heading\n" + b"".join(b"q%d x%d\n" % (n, n) for n in range(48894)), "is no table of merges"),
    ],
)
def test_other_files_are_no_table(tmp_path, content, told):
    (tmp_path / "bpe.txt").write_bytes(content)
    with pytest.raises(ValueError, match=told):
        clip_tokenizer(tmp_path / "bpe.txt")


def test_sources_that_are_not_there_are_named(tmp_path):
    for read in (clip_tokenizer, language_model_config):
        with pytest.raises(FileNotFoundError, match="neither there as a file or folder nor the id"):
            read(tmp_path / "no such" / "folder")
    with pytest.raises(FileNotFoundError, match="holds neither merges.txt"):
        clip_tokenizer(tmp_path)
    with pytest.raises(FileNotFoundError, match="config.json not found"):
        language_model_config(tmp_path)
    with pytest.raises(ValueError, match="no tokenizer of a language model"):
        language_model_tokenizer(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match="of type 'bert', expected 'gpt2'"):
        language_model_config(tmp_path)
    (tmp_path / "config.json").write_text("[1")
    with pytest.raises(ValueError, match="not valid JSON"):
        language_model_config(tmp_path)


def test_gpt2_ids_are_the_recorded_ones(gpt2_sets):
    for folder in gpt2_sets:
        tokenizer = language_model_tokenizer(folder)
        cases = json.loads((folder.parent / "full_model.json").read_text())["cases"]
        (case,) = (case for case in cases if case["name"] == "lm_tokenizer")
        assert tokenizer.start_id == tokenizer.end_id == case["extra"]["eos"]
        sentences = case["inputs"]["sentences"]["value"]
        ids, lengths = tokenizer.encode(sentences, context=160)
        rows = [row[:length].tolist() for row, length in zip(ids, lengths)]
        assert rows == case["extra"]["with_special"]
        assert tokenizer.decode([row[1:-1] for row in rows]) == sentences
        assert language_model_config(folder)["n_head"] == 4


def test_spaces_are_tidied_only_where_the_tokenizers_settings_ask_for_it(gpt2_sets, tmp_path):
    tidy = language_model_tokenizer(gpt2_sets[0])
    shutil.copytree(gpt2_sets[0], tmp_path / "plain")
    settings = tmp_path / "plain" / "tokenizer_config.json"
    settings.chmod(0o644)
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"clean_up_tokenization_spaces": False}))
    plain = language_model_tokenizer(tmp_path / "plain")
    (row,) = tidy.encode(["No effusion . It 's normal , see above ."], context=99)[0].tolist()
    assert tidy.decode([row[1:-1]]) == ["No effusion. It's normal, see above."]
    assert plain.decode([row[1:-1]]) == ["No effusion . It 's normal , see above ."]


def test_a_folder_with_the_old_files_only_is_enough(gpt2_sets, tmp_path):
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(gpt2_sets[0] / name, tmp_path / name)
    GPT2Config(vocab_size=512).save_pretrained(tmp_path)
    old, new = language_model_tokenizer(tmp_path), language_model_tokenizer(gpt2_sets[0])
    assert ids_of(old, "Heart size is normal.") == ids_of(new, "Heart size is normal.")


def test_a_vocabulary_without_its_marks_is_refused(tmp_path):
    trained = Tokenizer.train(["heart"] * 3, 300, lowercase=True)
    trained.save(tmp_path / "own.json")
    assert torch.equal(Tokenizer.load(tmp_path / "own.json").encode(["heart"], context=9)[0],
                       trained.encode(["heart"], context=9)[0])  # fmt: skip
    with pytest.raises(ValueError, match=r"has no token '<s>'"):
        Tokenizer.load(tmp_path / "own.json", TokenizerConfig(start="<s>"))
    (tmp_path / "own.json").write_text('{"version": "1.0"}')
    with pytest.raises(ValueError, match=r"own\.json is no tokenizer"):
        Tokenizer.load(tmp_path / "own.json")
