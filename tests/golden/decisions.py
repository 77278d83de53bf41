"""Fixed output of a person's decisions on two tasks, a reject and a drawn example."""

from dataclasses import replace
from typing import Any

from kshot.core.seeding import digest
from kshot.core.types import Example, Reject, Task
from kshot.generate.curation.decisions.apply import apply_decisions
from kshot.generate.curation.decisions.log import Decisions
from kshot.generate.run_files import Decision


def decided_tasks() -> Any:
    task = Task("t", "t", "c", ("Do.",), (Example("a", "x"), Example("b", "y", "so", "demonstrate", "judge", "T")))
    back = replace(
        task, id="t_inverse", examples=tuple(replace(e, input=e.output, output=e.input) for e in task.examples)
    )
    rejects = [Reject("r", "demonstrate", "t", "judged wrong", '{"input": "c", "output": "z"}')]
    rows = [("t", "refuse", "a", "x", None), ("t", "edit", "b", "y", ("B", "Y")), ("t", "accept", "c", "z", None),
            ("family-1", "refuse", "d", "w", None), ("gone", "accept", "e", "v", None)]  # fmt: skip
    by_key = {
        (key := digest(name, text, output)): Decision(
            key=key, task=name, what=what, input=text, output=output, time="", note="why",  # type: ignore[arg-type]
            edited_input=edit and edit[0], edited_output=edit and edit[1],
        )
        for name, what, text, output, edit in rows
    }  # fmt: skip
    decisions = Decisions(by_key=by_key, lines=dict.fromkeys(by_key, 1))
    result = apply_decisions(decisions, [task, back], rejects, {"demonstrate": 1}, {"family"}, "T")
    return [result.tasks, result.rejects, sorted(result.accepted.items()), sorted(result.counts.items()),
            sorted(result.refused), sorted(result.kept), decisions.fingerprint()]  # fmt: skip
