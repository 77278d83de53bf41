"""Measurements: a model on a suite at k shots, its requests, its samples, lm-eval's tasks."""
