"""Guards of an HTML page: text made visible, JSON that ends no script element, hashes of a Content-Security-Policy."""

import base64
import hashlib
import json
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

HERE = Path(__file__).parent
_UNSAFE = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
_VISIBLE: dict[int, str] = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"}
_VISIBLE |= dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}")
_VISIBLE |= {code: f"[U+{code:04X}]" for code in (*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_VISIBLE |= dict.fromkeys((0xFFFE, 0xFFFF), "\N{REPLACEMENT CHARACTER}")


def make_visible(text: str) -> str:
    """Text that every reader can show: control characters and marks that turn the reading direction become visible.

    Lone surrogates, which UTF-8 cannot hold, become U+FFFD; line breaks and tabs stay.
    """
    return text.translate(_VISIBLE)


def dump_for_script(value: object) -> bytes:
    """The value as JSON that is safe inside a `script` element: no `<`, `>` or `&` is left in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_UNSAFE).encode("utf-8", "replace")


def hash_for_csp(text: str) -> str:
    """The hash by which a Content-Security-Policy knows our own script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def page_environment(folder: Path) -> SandboxedEnvironment:
    """Templates of a page: sandboxed, everything escaped, nothing undefined."""
    return SandboxedEnvironment(
        autoescape=True,
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def read_assets(style_file: Path, *script_files: Path) -> dict[str, str]:
    """What a template takes as `style` and `script`, which begin with what all pages share, and their hashes."""
    style = "".join(path.read_text(encoding="utf-8") for path in (HERE / "base.css", style_file))
    script = "".join(path.read_text(encoding="utf-8") for path in (HERE / "base.js", *script_files))
    return {
        "style": Markup(style),  # noqa: S704 - our own files
        "script": Markup(script),  # noqa: S704
        "style_hash": hash_for_csp(style),
        "script_hash": hash_for_csp(script),
    }
