"""Foundation of all rooms: files, errors, logs, the ledger, claims, figure style.

Nothing here depends on a model.
"""
