"""Stands between clients and a PostgreSQL server: cuts a connection between a commit and its reply, or falls silent.

The clients' address stays, whichever server stands behind it: what fails over is the proxy's target. It speaks through
sockets in folders of their own, as the tests' servers do, and reads of the protocol no more than what says that
something is stored.
"""

import re
import select
import shutil
import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Proxy"]

SOCKET = ".s.PGSQL.5432"
#: Messages that say that a transaction is stored: of a COMMIT, and of a statement that inserted by itself, after which
#: no transaction is open.
COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"
INSERTED = re.compile(rb"C\x00\x00\x00.INSERT 0 [1-9]\d*\x00Z\x00\x00\x00\x05I", re.DOTALL)
#: As long as the longest of them.
LONGEST = 40
READS_ONLY = b"READ ONLY"
LISTENS = b"LISTEN "


class Proxy:
    """A context manager: entering it begins to listen, leaving it ends every connection.

    Args:
        target: the folder in which the server has its socket.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.folder = Path(tempfile.mkdtemp(prefix="ledger-proxy-"))
        self.cut = 0
        #: Whether what the server tells those who listen is lost on the way, though their connections stay.
        self.mute = False
        self._cuts_wanted = 0
        self._passing = threading.Event()
        self._passing.set()
        self._silent_at_commit = False
        self._counting = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._connections: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._listener.bind(str(self.folder / SOCKET))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        self.speak()
        self.disconnect()
        shutil.rmtree(self.folder, ignore_errors=True)

    def cut_next(self) -> None:
        """Let the next transaction that writes be stored, and nobody hear of it."""
        with self._counting:
            self._cuts_wanted += 1

    def cut_no_more(self) -> None:
        """Let every reply through from now on."""
        with self._counting:
            self._cuts_wanted = 0

    def disconnect(self) -> None:
        """End every connection that there is."""
        with self._counting:
            ended = list(self._connections)
        for connection in ended:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def fall_silent(self, *, at_commit: bool = False) -> None:
        """Let nothing through any more, in either direction, and end no connection; new ones are taken, and ignored.

        Args:
            at_commit: not before the next transaction that writes is stored: its reply is the first that is held back.
        """
        self._silent_at_commit = at_commit
        if not at_commit:
            self._passing.clear()

    def speak(self) -> None:
        """Let everything through again, what was held back first."""
        self._silent_at_commit = False
        self._passing.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # it was closed
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        with client, server, suppress(OSError):
            self._passing.wait()
            server.connect(str(self.target / SOCKET))
            with self._counting:
                self._connections |= {client, server}
            try:
                self._forward(client, server)
            finally:
                with self._counting:
                    self._connections -= {client, server}

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        writes, listens, before = False, False, b""
        while True:
            readable, _, _ = select.select([client, server], [], [])
            if client in readable:
                data = client.recv(1 << 16)
                if not data:
                    return
                listens = listens or LISTENS in data
                if b"BEGIN" in data:
                    writes = READS_ONLY not in data
                self._pass(data, server)
            if server in readable:
                data = server.recv(1 << 16)
                if not data:
                    return
                said = before + data
                stored = (writes and COMMITTED in said) or INSERTED.search(said)
                if stored and self._takes_a_cut():
                    return
                before = b"" if stored else data[-LONGEST:]
                if not (listens and self.mute):
                    self._pass(data, client)

    def _pass(self, data: bytes, receiver: socket.socket) -> None:
        self._passing.wait()
        receiver.sendall(data)

    def _takes_a_cut(self) -> bool:
        if self._silent_at_commit:
            self._passing.clear()
        with self._counting:
            if self._cuts_wanted == 0:
                return False
            self._cuts_wanted -= 1
            self.cut += 1
            return True
