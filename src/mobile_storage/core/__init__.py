"""What every room builds on: files, errors, logs, the ledger, claims, figure style.

Nothing here knows a model or a paper.
"""
