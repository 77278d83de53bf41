"""Stand-ins for llama.cpp's tools, for tests without it: a folder to name in `$LLAMA_CPP_DIR`."""

import sys
from collections.abc import Collection
from pathlib import Path

from tests.integration.test_gguf import pack

QUANTIZER = f"""#!{sys.executable}
import sys
source, target, kind = sys.argv[1:]
if kind != "Q4_K_M":
    sys.exit("error: unknown kind " + kind)
open(target, "wb").write(open(source, "rb").read())
"""
SERVER = f"""#!{sys.executable}
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.reply({{}})
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = asked["messages"][-1]["content"] + ", " + str(asked["temperature"])
        self.reply({{"choices": [{{"message": {{"content": text}}}}]}})
    def reply(self, value):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())
    def log_message(self, *_):
        pass
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def write_converter(folder: Path, settings: Collection[str] = ("eos", "template"), fails: str = "") -> Path:
    """A `convert_hf_to_gguf.py` that packs Llamas of the tests.

    Args:
        settings: what it puts into its files.
        fails: a line with which it ends instead.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "convert_hf_to_gguf.py").write_text(f"""
import argparse, sys
from pathlib import Path
from tests.converters import run_converter
def main():
    if {fails!r}:
        sys.exit({fails!r})
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    for name in ("--outfile", "--outtype", "--model-name"):
        parser.add_argument(name)
    run_converter(parser.parse_args(), {tuple(settings)!r})
""")
    return folder


def run_converter(arguments: object, settings: Collection[str]) -> None:
    pack(arguments.model, Path(arguments.outfile), arguments.outtype, settings)  # type: ignore[attr-defined]


def write_program(folder: Path, name: str, text: str) -> Path:
    """A program where llama.cpp's build puts its own."""
    path = folder / "build" / "bin" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path
