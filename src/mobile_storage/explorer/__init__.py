"""What the notebook ``explore`` asks while a reader moves a slider.

`prices` answers for paper 1, `sizes` for paper 2; `knobs` holds what both share: the sliders, and
the table that says which value is a default and which was moved.
"""
