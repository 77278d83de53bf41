"""A hub on loopback: huggingface_hub's own client talks to it. It keeps what is committed, and refuses bad cards."""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import yaml

from kshot.generate.teacher.servers.loopback import JsonHandler, serve_on_loopback

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

    class Handler(JsonHandler):
        def do_POST(self) -> None:  # noqa: N802 - as http.server calls it
            body = self._read()
            path = self.path.partition("?")[0]
            if path == "/api/validate-yaml":
                sent = orjson.loads(body)
                faults = find_card_faults(sent["content"], sent["repoType"])
                self.send_json({"errors": faults, "warnings": []}, 400 if faults else 200)
            elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self.send_json({"error": "Invalid username or password."}, 401)
            elif path == "/api/repos/create":
                sent = orjson.loads(body)
                name = f"{sent.get('organization') or 'me'}/{sent['name']}"
                hub.repos[name] = sent
                self.send_json({"url": f"{hub.url}/{name}", "id": name}, 200)
            elif match := re.fullmatch(r"/api/(models|datasets|spaces)/([^/]+/[^/]+)/preupload/main", path):
                files = [
                    {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None}
                    for file in orjson.loads(body)["files"]
                ]
                self.send_json({"files": files}, 200)
            elif match := re.fullmatch(r"/api/(models|datasets|spaces)/([^/]+/[^/]+)/commit/main", path):
                self._commit(match[2], body)
            else:
                self.send_json({"error": f"no such place: {path}"}, 404)

        def do_GET(self) -> None:  # noqa: N802 - as http.server calls it
            self.send_json({"error": "no such place"}, 404)

        def _commit(self, repo: str, body: bytes) -> None:
            for line in body.splitlines():
                entry = orjson.loads(line)
                if entry["key"] == "header":
                    hub.commits.append(entry["value"]["summary"])
                elif entry["key"] == "file":
                    content = base64.b64decode(entry["value"]["content"])
                    hub.files.setdefault(repo, {})[entry["value"]["path"]] = content
            oid = "0" * 40
            self.send_json({"commitUrl": f"{hub.url}/{repo}/commit/{oid}", "commitOid": oid, "success": True}, 200)

        def _read(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

    with serve_on_loopback(Handler) as url:
        hub.url = url.removesuffix("/v1")
        yield hub
