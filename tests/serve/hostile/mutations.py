"""Files and bodies broken in the ways that break readers; the same seed breaks them the same way."""

from __future__ import annotations

import random
from collections.abc import Callable

Mutation = Callable[[random.Random, bytes, bytes], bytes]
INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def flip_bits(chance: random.Random, data: bytes, other: bytes) -> bytes:
    broken = bytearray(data)
    for _ in range(chance.randint(1, 16)):
        broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
    return bytes(broken)


def cut_off(chance: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: chance.randrange(len(data))]


def overwrite_number(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Lengths, counts and sizes become extreme; more often in the header than in the pixels."""
    broken = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        width = chance.choice((1, 2, 4))
        end = min(len(broken), chance.choice((64, 1024, len(broken))))
        place = chance.randrange(max(1, end - width))
        number = chance.choice(INTERESTING) & (256**width - 1)
        broken[place : place + width] = number.to_bytes(width, chance.choice(("little", "big")))
    return bytes(broken)


def take_out(chance: random.Random, data: bytes, other: bytes) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randint(1, 64) :]


def double(chance: random.Random, data: bytes, other: bytes) -> bytes:
    start = chance.randrange(len(data))
    part = data[start : start + chance.randint(1, 512)]
    return data[:start] + part * chance.randint(2, 8) + data[start:]


def blank(chance: random.Random, data: bytes, other: bytes) -> bytes:
    start, length = chance.randrange(len(data)), chance.randint(1, 256)
    return data[:start] + bytes([chance.choice((0, 0xFF))]) * length + data[start + length :]


def cross(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """The beginning of one file and the end of another."""
    return data[: chance.randrange(len(data))] + other[chance.randrange(len(other)) :]


MUTATIONS: tuple[Mutation, ...] = (flip_bits, cut_off, overwrite_number, take_out, double, blank, cross)


def mutated(seeds: list[bytes], count: int, seed: int) -> list[bytes]:
    """`count` broken versions of the seeds; some are broken twice."""
    chance = random.Random(seed)
    broken = []
    for place in range(count):
        data, other = seeds[place % len(seeds)], chance.choice(seeds)
        for _ in range(chance.choice((1, 1, 2))):
            data = chance.choice(MUTATIONS)(chance, data or b"\0", other)
        broken.append(data)
    return broken
