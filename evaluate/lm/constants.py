"""What requests and models agree on, importable without torch."""

SCORED_OPTIONS = "scored_options"
"""The field of an lm-eval document that holds the texts whose log-probabilities are asked for."""
LM_VERSION = 3
"""Version of `prefix_lm.py`, `prefix_tree.py` and `self_check.py`; raise it when an answer or a score changes."""
