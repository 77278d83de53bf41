"""Turns what the page sends into a decision, or says what is wrong with it."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kshot.core.errors import DataError
from kshot.generate.curation.decisions.checks import find_example_fault
from kshot.generate.run_files import Decision, DecisionKind
from kshot.view.contents import RunContents

MAX_NOTE_CHARS = 2000


class DecisionRequest(BaseModel):
    """The body of a request of the page."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    key: str
    what: DecisionKind
    edited_input: str | None = None
    edited_output: str | None = None
    note: str = Field("", max_length=MAX_NOTE_CHARS)


def read_request(body: bytes) -> DecisionRequest:
    """Read the body.

    Raises:
        DataError: it is none.
    """
    try:
        return DecisionRequest.model_validate_json(body)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        raise DataError(f"{'.'.join(map(str, detail['loc'])) or 'body'}: {detail['msg']}") from None


def make_decision(request: DecisionRequest, contents: RunContents) -> Decision:
    """The decision that the request asks for.

    Raises:
        DataError: no example has the key, or the edited or accepted example could not be used.
    """
    texts = contents.texts.get(request.key)
    if texts is None:
        raise DataError("no example of this run has the key; load the page again")
    task = contents.tasks.get(texts.task)
    if request.what == "edit" and task is None:
        raise DataError("a program draws this example, so it cannot be edited; refuse it, or change the family")
    if request.what in ("accept", "edit") and task is not None:
        is_edit = request.what == "edit"
        input, output = (request.edited_input or "", request.edited_output or "") if is_edit else texts[1:]
        others = {example.input for example in task.examples if example.key != request.key}
        if fault := find_example_fault(input, output, task.labels, task.allow_empty_outputs, others):
            raise DataError(fault)
    try:
        return Decision(
            key=request.key,
            task=texts.task,
            what=request.what,
            input=texts.input,
            output=texts.output,
            edited_input=request.edited_input,
            edited_output=request.edited_output,
            note=request.note.strip(),
            time=datetime.now(UTC).isoformat(timespec="seconds"),
        )
    except ValidationError as error:
        raise DataError(error.errors(include_url=False)[0]["msg"]) from None
