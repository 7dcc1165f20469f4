"""Programs around the pipeline: the receipt, the site, copies of the pipeline, notebooks.

No model imports anything from here.
"""
