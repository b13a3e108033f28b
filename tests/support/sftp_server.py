"""A local SFTP server (asyncssh) that counts what it is asked; importing `sftp` makes it a fixture."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "open-sesame"


class SftpServer:
    """Serves a folder as `url`. `asked` counts listings and opened files."""

    def __init__(self, folder: Path) -> None:
        import asyncssh

        self.folder, self.asked = folder, Counter[str]()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="sftp-server", daemon=True).start()
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        self.port = self._server.get_port()
        self.url = f"sftp://reader@127.0.0.1:{self.port}/files"
        self.known_host = f"[127.0.0.1]:{self.port} {self._key.export_public_key().decode()}"

    async def _listen(self) -> Any:
        import asyncssh

        asked, root = self.asked, self.folder

        class Access(asyncssh.SSHServer):  # type: ignore[misc]
            def begin_auth(self, username: str) -> bool:
                return True

            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                return (username, password) == ("reader", PASSWORD)

        class Files(asyncssh.SFTPServer):  # type: ignore[misc]
            def __init__(self, channel: Any) -> None:
                super().__init__(channel, chroot=str(root).encode())

            def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
                asked["open"] += 1
                return super().open(path, pflags, attrs)

            def scandir(self, path: bytes) -> Any:
                asked["list"] += 1
                return super().scandir(path)

        return await asyncssh.listen(
            "127.0.0.1", 0, server_factory=Access, server_host_keys=[self._key], sftp_factory=Files
        )

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._server.close)

    def counts(self) -> dict[str, int]:
        """Since the last call."""
        counts = dict(self.asked)
        self.asked.clear()
        return counts


@pytest.fixture(scope="module")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    folder = tmp_path_factory.mktemp("sftp")
    (folder / "files").mkdir()
    server = SftpServer(folder)
    yield server
    server.close()
