"""The receipt: everything computed anew in a copy, and compared with what is committed.

::

    python -m mobile_storage.tools.receipt            # every stage
    python -m mobile_storage.tools.receipt --quick    # the stages of params.yaml, verify.quick

Writes ``receipt.md``, one page to send on, and ``receipt.json``, the same for programs.
"""
