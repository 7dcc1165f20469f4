"""Pricing and configuration of mobile battery storage: the code of the compendium."""

from __future__ import annotations

__version__ = "0.1.0"
