"""The teacher: an LLM behind OpenAI-compatible endpoints. Code outside this folder imports from here only."""

from kshot.core.replies.final_answer import (
    ANSWER_LINE,
    ANSWER_SENTENCE,
    is_same_answer,
    split_at_final_answer,
    unwrap_answer,
)
from kshot.generate.teacher.budget import BudgetExceededError, Cost, Estimate
from kshot.generate.teacher.cache import REPLIES_FILE, copy_replies
from kshot.generate.teacher.endpoints import fingerprint_local_teachers
from kshot.generate.teacher.interface import Teacher, open_teacher
from kshot.generate.teacher.messages import NOT_SENT, Reply, Request
from kshot.generate.teacher.structured import (
    AttributeLists,
    GroundedQuestion,
    InputOnly,
    InputOutput,
    InstructionOnly,
    InventedTask,
    ReplyShape,
    list_schema,
    read_items,
    read_reply,
)

__all__ = [
    "ANSWER_LINE",
    "ANSWER_SENTENCE",
    "NOT_SENT",
    "REPLIES_FILE",
    "AttributeLists",
    "BudgetExceededError",
    "Cost",
    "Estimate",
    "GroundedQuestion",
    "InputOnly",
    "InputOutput",
    "InstructionOnly",
    "InventedTask",
    "Reply",
    "ReplyShape",
    "Request",
    "Teacher",
    "copy_replies",
    "fingerprint_local_teachers",
    "is_same_answer",
    "list_schema",
    "open_teacher",
    "read_items",
    "read_reply",
    "split_at_final_answer",
    "unwrap_answer",
]
