"""Entry points of the pipeline: each module is one stage of ``dvc.yaml``.

A stage reads ``params.yaml`` and files below the current folder, calls the package, and writes its
outputs. It contains no model.
"""

from mobile_storage.core.process_environment import fix_arithmetic

# Every stage imports this package before it imports NumPy.
fix_arithmetic()
