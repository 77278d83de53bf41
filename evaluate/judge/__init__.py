"""The score `judge`: the teacher compares the answers of student and base, by a task's rubric, in both orders."""
