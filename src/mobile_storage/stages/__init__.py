"""Entry points of the pipeline: each module is one stage of ``dvc.yaml``.

A stage reads ``params.yaml`` and files below the current folder, calls the package, writes its
outputs, and holds no model of its own.
"""

from mobile_storage.core.process_environment import fix_arithmetic

# Here, since every stage passes through here before it loads NumPy, however it was started.
fix_arithmetic()
