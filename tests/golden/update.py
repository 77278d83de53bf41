"""Pins the components' outputs and versions: `python -m tests.golden.update`.

Refuses where an output changed and no version was raised.
"""

import json
import sys

from tests.golden.components import VERSIONS, current, pinned, unversioned_changes


def main() -> int:
    new = current()
    if problems := unversioned_changes(pinned(), new):
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        return 1
    VERSIONS.write_text(json.dumps(new, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"{VERSIONS}: {len(new)} components\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
