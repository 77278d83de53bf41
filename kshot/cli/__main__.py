"""`python -m kshot.cli`."""

from kshot.cli.app import main

main()
