"""What requests and models agree on, importable without torch."""

SCORED_OPTIONS = "scored_options"
"""The field of an lm-eval document that holds the texts whose log-probabilities are asked for."""
LM_VERSION = 1
"""Version of `prefix_lm.py` and `prefix_tree.py`; raise it when an answer or a log-probability changes."""
