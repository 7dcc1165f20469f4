"""Pricing and configuration of mobile battery storage: the code of the compendium."""

from __future__ import annotations

import logging

__version__ = "0.1.0"

# The application decides where log lines go. Without a handler of ours, Python would print
# warnings to stderr, and a notebook that shows one counts as failed.
logging.getLogger(__name__).addHandler(logging.NullHandler())
