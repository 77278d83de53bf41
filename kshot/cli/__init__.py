"""The `kshot` command, a module a command group."""

from kshot.cli.app import guarded, main

__all__ = ["guarded", "main"]
