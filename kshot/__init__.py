"""kshot: synthetic instruction data, a fine-tuned student, and a paired measurement of what was gained."""

__version__ = "0.1.0"
