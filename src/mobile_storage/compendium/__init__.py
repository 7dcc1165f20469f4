"""What makes a set of models a research compendium.

Parameters with their provenance, the ledger of claims, the notebook runner, tables, figures and
the workspaces in which the pipeline runs on other data. Nothing here knows any model.
"""
