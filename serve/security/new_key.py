"""Makes a key: `python -m serve.security.new_key NAME >> keys` puts its hash there and shows the token, once."""

from __future__ import annotations

import argparse
import secrets
import sys

from serve.security.keys import LINE, digest_of


def line_of(name: str, token: str) -> str:
    """What the server's file of keys has to say of a token.

    Raises ValueError for a name that does not fit."""
    line = f"{name} sha256:{digest_of(token).hex()}"
    if not LINE.fullmatch(line):
        raise ValueError(f"a key's name has 1 to 64 letters, digits, '.', '_' and '-', not {name!r}")
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="whose key it is: stands in the audit log and in metrics")
    name = parser.parse_args().name
    token = f"chex_{secrets.token_urlsafe(32)}"
    try:
        line = line_of(name, token)
    except ValueError as problem:
        parser.error(str(problem))
    print(line)
    print(f"token of {name}, not shown again: {token}", file=sys.stderr)


if __name__ == "__main__":
    main()
