"""Keys are kept as hashes, read strictly, and added or withdrawn while the server runs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from serve.security.keys import KeyFile, KeyRing
from serve.security.new_key import line_of
from tests.serve.security.guarded_app import LINES, TOKENS


def test_a_token_is_found_by_its_hash_alone():
    keys = KeyRing.of_lines(LINES.splitlines(), "test")
    assert [keys.name_of(token) for token in TOKENS.values()] == list(TOKENS)
    assert keys.name_of("") is None and keys.name_of(TOKENS["ward-3"][:-1]) is None
    assert not any(token in LINES for token in TOKENS.values())


def test_every_key_is_compared_whichever_fits(monkeypatch):
    """Constant time over the ring: a token that fits the first key is compared with the others, too."""
    import hmac

    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: compared.append(1) or real(one, other))
    keys = KeyRing.of_lines(LINES.splitlines(), "test")
    for token in (*TOKENS.values(), "nobody's"):
        compared.clear()
        keys.name_of(token)
        assert len(compared) == len(TOKENS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no key"),
        ("# only a comment\n", "no key"),
        ("name chex_secret-token", "line 1: expected"),
        ("\nname sha256:abc", "line 2: expected"),
        ("two words sha256:" + "0" * 64, "line 1"),
        (f"a sha256:{'0' * 64}\nb sha256:{'0' * 64}", "line 2: this name or this token"),
        (f"a sha256:{'0' * 64}\na sha256:{'1' * 64}", "line 2: this name or this token"),
    ],
)
def test_a_bad_line_is_refused_by_its_number_and_not_quoted(text, message):
    with pytest.raises(ValueError, match=message) as refused:
        KeyRing.of_lines(text.splitlines(), "keys")
    assert "secret-token" not in str(refused.value)


def test_a_changed_file_is_read_again_and_a_broken_one_changes_nothing(tmp_path):
    file = tmp_path / "keys"
    file.write_text(line_of("one", "t1"))
    keys = KeyFile(file)
    assert (keys.name_of("t1"), keys.name_of("t2")) == ("one", None)
    replace(file, line_of("two", "t2"))
    assert (keys.name_of("t1"), keys.name_of("t2")) == (None, "two")
    replace(file, "two sha256:half a li")
    assert keys.name_of("t2") == "two"
    file.unlink()
    assert keys.name_of("t2") == "two"


def replace(file, text):
    new = file.with_suffix(".new")
    new.write_text(text)
    os.replace(new, file)


def test_a_new_key_shows_its_token_once_and_writes_only_the_hash():
    def made(name):
        command = [sys.executable, "-m", "serve.security.new_key", name]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    one, other = made("ward-3"), made("ward-3")
    token = one.stderr.split()[-1]
    assert KeyRing.of_lines(one.stdout.splitlines(), "made").name_of(token) == "ward-3"
    assert token not in one.stdout and other.stderr != one.stderr and len(token) > 40
    wrong = made("two words")
    assert wrong.returncode == 2 and not wrong.stdout and "two words" in wrong.stderr
