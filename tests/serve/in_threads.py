"""Clients of a server that ask side by side until they are told to stop."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Self


class InThreads(ABC):
    """`with clients:` runs `_ask` in a thread for each of `_clients()`; it returns soon after `_stop` is set."""

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(client,)) for client in self._clients()]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @abstractmethod
    def _clients(self) -> Iterable: ...

    @abstractmethod
    def _ask(self, client) -> None: ...
