"""Serves the page on this machine alone, and appends decisions.

Three guards keep others out. The socket listens on loopback. The Host header must name it, which stops DNS rebinding. A
random token stands in every address, and in a header of every write, which other sites cannot send.
"""

import secrets
import socketserver
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from urllib.parse import parse_qs, urlsplit

import orjson

from kshot.core.errors import KshotError, RunError
from kshot.generate.curation.decisions.log import append_decisions
from kshot.generate.run_files import EXAMPLES, REJECTS, TRAIN
from kshot.view.contents import RunContents, load_contents
from kshot.view.deciding import make_decision, read_request
from kshot.view.page import KINDS, render_page, show_decision

ADDRESS = "127.0.0.1"
TOKEN_HEADER = "X-Kshot-Token"  # noqa: S105 - a name
ROWS_PER_REPLY = 500
MAX_BODY_BYTES = 256_000
SECONDS_TO_SEND = 30
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "frame-ancestors 'none'",
}
"""The page's own policy for scripts stands in its markup, beside the hashes."""


class ViewServer(ThreadingHTTPServer):
    """The server of one run's page.

    Raises:
        RunError: the port is not free, or the run has no data.
    """

    daemon_threads = True
    # The port is this server's alone, also where another one left it a moment ago.
    allow_reuse_address = True

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.token = secrets.token_urlsafe(24)
        self.decided = 0
        self.lock = Lock()
        self._contents, self._stamp = load_contents(folder), self._read_stamp()
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise RunError(f"--port {port}: {(error.strerror or str(error)).lower()}; name another, or none") from None

    def server_bind(self) -> None:
        """Without asking a name server for this machine's name, as the standard library does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a browser that closed its connection; anything else is a bug."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.server_port}/{self.token}/"

    @property
    def hosts(self) -> set[str]:
        """What a browser of this machine sends as Host."""
        return {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}

    def contents(self, fresh: bool = False) -> RunContents:
        """What the run holds; read again where its files changed.

        Args:
            fresh: look whether they did, as a page does when it is loaded.
        """
        with self.lock:
            if fresh and (stamp := self._read_stamp()) != self._stamp:
                self._contents, self._stamp = load_contents(self.folder), stamp
            return self._contents

    def decide(self, body: bytes) -> bytes:
        """Append a decision; return what the page shows of it.

        Raises:
            DataError: it is none, or could not be used.
        """
        decision = make_decision(read_request(body), self.contents())
        with self.lock:
            append_decisions(self._contents.decisions_path, [decision])
            self.decided += 1
        return orjson.dumps(show_decision(decision))

    def _read_stamp(self) -> list[int]:
        paths = [self.folder / "generate" / name for name in (EXAMPLES, REJECTS, TRAIN)]
        return [path.stat().st_mtime_ns if path.exists() else 0 for path in paths]


class _Handler(BaseHTTPRequestHandler):
    server: ViewServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "kshot", ""
    timeout = SECONDS_TO_SEND

    def do_GET(self) -> None:
        path = self._own_path()
        if path is None:
            return
        if path == "":
            try:
                text = render_page(self.server.contents(fresh=True), self.server.token)
            except KshotError as error:
                self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
                return
            self._reply(HTTPStatus.OK, text.encode("utf-8", "replace"), "text/html; charset=utf-8")
        elif path.startswith("rows/") and path.removeprefix("rows/") in KINDS:
            self._send_rows(path.removeprefix("rows/"))
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "no such page")

    def do_POST(self) -> None:
        path = self._own_path()
        if path is None:
            return
        length = self.headers.get("Content-Length", "")
        origin = self.headers.get("Origin")
        if path != "decisions":
            self._refuse(HTTPStatus.NOT_FOUND, "no such page")
        elif not secrets.compare_digest(self.headers.get(TOKEN_HEADER, "").encode(), self.server.token.encode()):
            self._refuse(HTTPStatus.FORBIDDEN, "the token is missing")
        elif origin is not None and origin.removeprefix("http://") not in self.server.hosts:
            self._refuse(HTTPStatus.FORBIDDEN, "the request comes from another site")
        elif self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body is not application/json")
        elif not length.isascii() or not length.isdigit():
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "the length is missing")
        elif int(length) > MAX_BODY_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MAX_BODY_BYTES} bytes")
        else:
            self._decide(self.rfile.read(int(length)))

    def _decide(self, body: bytes) -> None:
        try:
            reply = self.server.decide(body)
        except KshotError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except OSError as error:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, f"not saved: {error.strerror}")
        else:
            self._reply(HTTPStatus.OK, reply, "application/json")

    def _own_path(self) -> str | None:
        """The path below the token; None, and a refusal, for a request that is not the page's own."""
        if len(hosts := self.headers.get_all("Host", [])) != 1 or hosts[0] not in self.server.hosts:
            self._refuse(HTTPStatus.FORBIDDEN, "the Host header is not this server's")
            return None
        token, slash, path = urlsplit(self.path).path.removeprefix("/").partition("/")
        if not slash or not secrets.compare_digest(token.encode(), self.server.token.encode()):
            self._refuse(HTTPStatus.NOT_FOUND, "no such page; open the address that kshot view printed")
            return None
        return path

    def _send_rows(self, kind: str) -> None:
        rows = self.server.contents().rows(kind)
        start = parse_qs(urlsplit(self.path).query).get("start", ["0"])[0]
        if not start.isascii() or not start.isdigit() or len(start) > len(str(len(rows))):
            self._refuse(HTTPStatus.BAD_REQUEST, "start is no row")
            return
        chosen = rows[int(start) : int(start) + ROWS_PER_REPLY]
        self._reply(HTTPStatus.OK, orjson.dumps(chosen), "application/json")

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        # The body of a refused request stays unread, so its connection cannot go on.
        self.close_connection = True
        self._reply(status, orjson.dumps({"error": reason}), "application/json")

    def _reply(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), **HEADERS}
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal shows the address."""
