"""The pipeline of ``dvc.yaml``, run by ourselves: which stages are due, and both cores busy.

DVC describes the pipeline: it expands ``dvc.yaml``, and ``dvc.lock`` is its record of what is up to
date, so every command of DVC works here as well. Its own ``dvc repro`` runs one stage after the
other, starts a new interpreter for each, and writes the whole record several times for each; for
stages of a few seconds that costs more than the work. `stages` reads the description, `record` says
what is due and keeps the record, `scheduler` runs the stages in parallel, and `server` starts them
from a process that has loaded the large libraries once.
"""
