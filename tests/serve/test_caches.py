"""The bounded store under its three limits."""

from __future__ import annotations

from serve.caches import RecentlyUsed


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_least_recently_used_goes_first():
    store = RecentlyUsed(most_entries=2, seconds=10)
    store.put("a", 1)
    store.put("b", 2)
    assert store.get("a") == 1
    store.put("c", 3)
    assert (store.get("a"), store.get("b"), store.get("c")) == (1, None, 3)


def test_bytes_are_bounded_and_counted_once_per_key():
    store = RecentlyUsed(most_entries=99, most_bytes=10, seconds=10)
    store.put("a", 1, 6)
    store.put("a", 2, 6)
    assert store.get("a") == 2
    store.put("b", 3, 6)
    assert (store.get("a"), store.get("b")) == (None, 3)
    store.put("too large", 4, 11)
    assert len(store) == 0


def test_an_entry_expires_after_its_last_use():
    clock = Clock()
    store = RecentlyUsed(most_entries=9, seconds=10, clock=clock)
    store.put("a", 1)
    store.put("b", 2)
    clock.now = 8
    assert store.get("a") == 1
    clock.now = 12
    assert (store.get("a"), store.get("b")) == (1, None)
    clock.now = 30
    assert store.get("a") is None and len(store) == 0


def test_what_has_expired_goes_when_it_is_counted():
    clock = Clock()
    store = RecentlyUsed(most_entries=9, seconds=10, clock=clock)
    store.put("a", 1)
    clock.now = 11
    assert len(store) == 0 and not store._entries
