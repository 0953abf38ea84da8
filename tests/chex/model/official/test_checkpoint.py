"""Files that are no checkpoint are named for what they are; nothing in them is run and nothing they claim is believed."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from chex.model.official import read_checkpoint
from chex.model.official.__main__ import main
from tests.chex.model.official import made_checkpoint as made


@pytest.fixture(scope="module")
def good() -> bytes:
    stream = io.BytesIO()
    torch.save(made.checkpoint(300, 280), stream)
    return stream.getvalue()


def refusal(path: Path, content: bytes | None = None) -> str:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def saved(path: Path, content) -> Path:
    torch.save(content, path)
    return path


def test_a_checkpoint_is_read(tmp_path, good):
    (tmp_path / "checkpoint.pth").write_bytes(good)
    content = read_checkpoint(tmp_path / "checkpoint.pth")
    assert content["step"] == 12 and len(content["state_dict"]) > 100


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>Sign in</html>", "is a web page"),
        (b"\n  <html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "is a Git LFS pointer"),
        (b'{"config_dict": {}}', "is a text file"),
        (gzip.compress(b"weights"), "is a gzip file"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
        (b"\x93NUMPY\x01\x00", "is a NumPy array"),
        (b"%PDF-1.7", "is a PDF"),
        (b"PK\x03\x04 and nothing else", "is damaged or cut short"),
        (b"\x00\x01\x02\x03" * 64, "is of a kind unknown here (it begins with 00 01 02 03"),
        (b"\x80\x02.", "is damaged"),
    ],
)
def test_other_files_are_named(tmp_path, content, told):
    assert told in refusal(tmp_path / "file.pth", content)


def test_other_folders_are_named(tmp_path):
    assert "is a folder" in refusal(tmp_path)
    run = tmp_path / "run_2024" / "checkpoints"
    run.mkdir(parents=True)
    (run / "checkpoint_000000123.pth").touch()
    assert "the checkpoint may be run_2024/checkpoints/checkpoint_000000123.pth" in refusal(tmp_path)
    (run / "config.json").touch()
    assert "the checkpoint may be checkpoint_000000123.pth" in refusal(run)
    (run / "checkpoint_000000123.pth").unlink()
    assert "a folder of a Hugging Face model" in refusal(run)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_checkpoint(tmp_path / "nothing.pth")


def test_a_model_of_this_project_is_named(tiny_model_dir):
    assert "Chex.load reads it" in refusal(tiny_model_dir)
    assert "is a safetensors file" in refusal(tiny_model_dir / "model.safetensors")


def test_other_weights_are_named(tmp_path):
    weight = torch.zeros(1)
    path = tmp_path / "file.pt"
    clip = {"visual.conv1.weight": weight, "visual.proj": weight, "token_embedding.weight": weight}
    for content, told in (
        (clip, "is CLIP's weights"), ({"state_dict": clip}, "holds CLIP's weights"),
        ({"detector.gate": weight, "img_encoder.backbone.proj": weight}, "is only the weights of a ChEX model"),
        ({"transformer.wte.weight": weight}, "is a GPT-2's weights"), ({"lr": 1.0}, "is a dictionary of 'lr'"),
        ({}, "is a dictionary of nothing"), (weight, "is a Tensor that PyTorch saved"), ([weight], "is a list"),
        ({"config_dict": {}, "state_dict": clip}, "is CLIP's weights"),
        ({"config_dict": {}, "state_dict": {}}, "is a dictionary of nothing"),
        ({"config_dict": {}, "state_dict": {"detector.a": 3, 4: weight}}, "'detector.a' is a int, not a tensor"),
        ({str(n): weight for n in range(20)}, "and 12 more"),
    ):  # fmt: skip
        assert told in refusal(saved(path, content)), content


def test_a_safetensors_file_is_named_even_under_another_name(tmp_path):
    save_file({"detector.gate": torch.zeros(3)}, tmp_path / "chex.pth")
    assert "is a safetensors file" in refusal(tmp_path / "chex.pth")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_torchscript_program_is_not_run(tmp_path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "ViT-B-32.pt")
    assert "is a TorchScript archive" in refusal(tmp_path / "ViT-B-32.pt")


@pytest.mark.parametrize("kept", [30, 300, 5_000, 0.5, 0.9, 0.999])
def test_a_truncated_checkpoint_is_refused(tmp_path, good, kept):
    size = int(len(good) * kept) if isinstance(kept, float) else kept
    assert "is damaged" in refusal(tmp_path / "half.pth", good[:size])


def test_a_damaged_checkpoint_is_refused(tmp_path, good):
    place = good.index(b"config_dict") - 40
    refusal(tmp_path / "damaged.pth", good[:place] + os.urandom(60) + good[place + 60 :])


class Command:
    """What a pickle runs when it is trusted."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return os.mkdir, (str(self.file),)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_code_in_a_pickle_is_not_run(tmp_path):
    trap = tmp_path / "was-here"
    content = made.checkpoint(300, 280)
    content["config_dict"]["act"] = Command(trap)
    path = saved(tmp_path / "new.pth", content)
    assert "nothing in it was run" in refusal(path)
    torch.save(content, path, _use_new_zipfile_serialization=False)
    assert "nothing in it was run" in refusal(path)
    path.write_bytes(pickle.dumps(content["config_dict"]))
    assert "nothing in it was run" in refusal(path)
    assert not trap.exists()


def repacked(content: bytes, change=None, compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w", compression) as new:
        for member in old.infolist():
            data = old.read(member.filename)
            new.writestr(member.filename, change(member.filename, data) if change else data)
    return stream.getvalue()


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
def test_sizes_that_are_only_claimed_are_not_believed(tmp_path, good):
    content = made.checkpoint(300, 280)
    name = "txt_encoder.token_embedding.weight"
    content["state_dict"][name] = torch.zeros(1).expand(10**12, 192)
    assert f"{name} claims 192000000000000 values" in refusal(saved(tmp_path / "views.pth", content))
    content["state_dict"][name] = torch.sparse_coo_tensor(size=(10**12, 192))
    assert f"{name} claims" in refusal(saved(tmp_path / "sparse.pth", content))
    assert "was packed anew" in refusal(tmp_path / "bomb.pth", repacked(good, compression=zipfile.ZIP_DEFLATED))
    other = repacked(good, lambda member, data: data[: len(data) // 2] if member.endswith("data/3") else data)
    assert "is damaged" in refusal(tmp_path / "short.pth", other)
    assert "a zip archive of notes.txt" in refusal(tmp_path / "zip.pth", archive_of("notes.txt"))


def archive_of(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, "text")
    return stream.getvalue()


def test_the_command_says_what_is_wrong_and_writes_nothing(tmp_path, capfd, caplog, good):
    (tmp_path / "checkpoint.pth").write_bytes(good)
    output = tmp_path / "model"
    assert main([str(tmp_path), "--output", str(output)]) == 2
    nowhere = str(tmp_path / "no such" / "folder")
    assert main([str(tmp_path / "checkpoint.pth"), "--output", str(output), "--language-model", nowhere]) == 2
    assert "is a folder" in caplog.text and "neither there as a file or folder nor the id" in caplog.text
    assert not output.exists()
    assert main([str(tmp_path / "checkpoint.pth"), "--output", str(tmp_path)]) == 2
    assert "not empty" in caplog.text
