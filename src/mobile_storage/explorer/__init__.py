"""Answers for the notebook ``explore``, computed while a reader moves a slider.

`prices` answers for paper 1 and `sizes` for paper 2. `knobs` holds what both share: the sliders,
and the table that says which values are at their default and which were moved.
"""
