"""Pins the components' outputs and versions: `python -m tests.golden.update`.

Refuses where an output changed and no version was raised. Entries that other tests pin stay as they are.
"""

import json
import sys

from kshot.generate.versions import component_versions
from tests.golden.components import VERSIONS, current, pinned, unversioned_changes


def main() -> int:
    old, new = pinned(), current()
    if problems := unversioned_changes(old, new):
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        return 1
    others = {name: value for name, value in old.items() if name in component_versions() and name not in new}
    VERSIONS.write_text(json.dumps(others | new, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"{VERSIONS}: {len(new)} components\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
