"""A model's handle and its sessions, shared by threads."""

from __future__ import annotations

import contextlib
import ctypes as c
import threading
from typing import Iterator, List, Tuple

from dmsnet import _structs as s
from dmsnet._errors import InvalidError
from dmsnet._library import call, lib


class Sessions:
    """Owns one dms_model and its sessions. One thread at a time uses one:
    each call takes an idle session or creates one, and returns it.

    Invariant: the model is destroyed exactly once, when it is closed and no
    call uses it any more.
    """

    def __init__(self, model: c.c_void_p, compute: s.Compute) -> None:
        self._lib = lib()
        self._model = model
        self._compute = compute
        self._lock = threading.Lock()
        self._idle: List[Tuple[int, c.c_void_p]] = []  # oldest first
        self._users = 0
        self._users_max = 1
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    @contextlib.contextmanager
    def model(self) -> Iterator[c.c_void_p]:
        """The model; it is not destroyed while the context is open."""
        with self._lock:
            if self._closed:
                raise InvalidError("the model is closed")
            self._users += 1
            self._users_max = max(self._users_max, self._users)
        try:
            yield self._model
        finally:
            self._leave()

    @contextlib.contextmanager
    def session(
        self, batch: int
    ) -> Iterator[Tuple[c.c_void_p, c.c_void_p]]:
        """The model and a session of that batch size, for this thread only
        while the context is open."""
        with self.model() as model:
            session = self._take(batch)
            if session is None:
                session = c.c_void_p()
                call(
                    self._lib.dms_session_create_with,
                    c.byref(session),
                    model,
                    batch,
                    c.byref(self._compute),
                    batch,  # no more workers than that
                )
            try:
                yield model, session
            finally:
                self._give_back(batch, session)

    def close(self) -> None:
        """Destroy what no call uses now, and the rest when it is returned."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._users += 1
        self._leave()

    def _take(self, batch: int) -> "c.c_void_p | None":
        with self._lock:
            for at, (size, session) in enumerate(self._idle):
                if size == batch:
                    del self._idle[at]
                    return session
        return None

    def _give_back(self, batch: int, session: c.c_void_p) -> None:
        """Keep as many sessions as were ever in use at once, and one more, so
        that a thread that alternates single pairs and batches reuses both."""
        spare: List[Tuple[int, c.c_void_p]] = []
        with self._lock:
            self._idle.append((batch, session))
            while len(self._idle) > self._users_max + 1:
                spare.append(self._idle.pop(0))
        self._destroy(spare)

    def _leave(self) -> None:
        with self._lock:
            self._users -= 1
            last = self._closed and self._users == 0
            sessions, self._idle = (
                (self._idle, []) if last else ([], self._idle)
            )
        self._destroy(sessions)
        if last:
            self._lib.dms_model_destroy(self._model)

    def _destroy(self, sessions: List[Tuple[int, c.c_void_p]]) -> None:
        for _, session in sessions:
            self._lib.dms_session_destroy(session)
