"""A hub on loopback: huggingface_hub's own client talks to it. It keeps what is committed, and refuses bad cards."""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import orjson
import yaml

from kshot.generate.teacher.servers.loopback import serve_on_loopback

TOKEN = "hf_test"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
LICENSES = {"apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "other"}
SPACE_SDKS = {"static", "gradio", "docker"}


@dataclass
class FakeHub:
    """What it was sent: repositories by name, files by repository and path."""

    url: str = ""
    repos: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)

    def card(self, repo: str) -> dict[str, Any]:
        metadata: dict[str, Any] = yaml.safe_load(self.files[repo]["README.md"].decode().split("---\n")[1])
        return metadata


def find_card_faults(text: str, repo_type: str) -> list[str]:
    """What the hub's documentation of its cards forbids, as far as a card of ours could have it."""
    match = re.match(r"---\n(.*?)\n---\n", text, re.S)
    if not match:
        return ["no metadata"]
    data = yaml.safe_load(match[1])
    faults = []
    if not HUB_ID.fullmatch(data.get("base_model", "a/b")):
        faults.append(f"base_model: {data['base_model']!r}")
    if any(not HUB_ID.fullmatch(name) for name in data.get("datasets", [])):
        faults.append(f"datasets: {data['datasets']!r}")
    if data.get("license", "mit") not in LICENSES:
        faults.append(f"license: {data['license']!r}")
    if repo_type == "space" and data.get("sdk") not in SPACE_SDKS:
        faults.append(f"sdk: {data.get('sdk')!r}")
    for model in data.get("model-index", []):
        for result in model["results"]:
            if not {"task", "dataset", "metrics"} <= result.keys() or "value" not in result["metrics"][0]:
                faults.append(f"model-index: {result!r}")
    return faults


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """Serve an empty hub."""
    hub = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self._read()
            path = self.path.partition("?")[0]
            if path == "/api/validate-yaml":
                sent = orjson.loads(body)
                faults = find_card_faults(sent["content"], sent["repoType"])
                self._send(400 if faults else 200, {"errors": faults, "warnings": []})
            elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self._send(401, {"error": "Invalid username or password."})
            elif path == "/api/repos/create":
                sent = orjson.loads(body)
                name = f"{sent.get('organization') or 'me'}/{sent['name']}"
                hub.repos[name] = sent
                self._send(200, {"url": f"{hub.url}/{name}", "id": name})
            elif match := re.fullmatch(r"/api/(models|datasets|spaces)/([^/]+/[^/]+)/preupload/main", path):
                files = [
                    {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None}
                    for file in orjson.loads(body)["files"]
                ]
                self._send(200, {"files": files})
            elif match := re.fullmatch(r"/api/(models|datasets|spaces)/([^/]+/[^/]+)/commit/main", path):
                self._commit(match[2], body)
            else:
                self._send(404, {"error": f"no such place: {path}"})

        def do_GET(self) -> None:
            self._send(404, {"error": "no such place"})

        def _commit(self, repo: str, body: bytes) -> None:
            for line in body.splitlines():
                entry = orjson.loads(line)
                if entry["key"] == "header":
                    hub.commits.append(entry["value"]["summary"])
                elif entry["key"] == "file":
                    content = base64.b64decode(entry["value"]["content"])
                    hub.files.setdefault(repo, {})[entry["value"]["path"]] = content
            oid = "0" * 40
            self._send(200, {"commitUrl": f"{hub.url}/{repo}/commit/{oid}", "commitOid": oid, "success": True})

        def _read(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _send(self, status: int, content: dict[str, Any]) -> None:
            data = orjson.dumps(content)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Write nothing."""

    with serve_on_loopback(Handler) as url:
        hub.url = url.removesuffix("/v1")
        yield hub
