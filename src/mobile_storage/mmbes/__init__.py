"""Paper 2: size of modular mobile battery storage (MMBES) at a substation (Fu et al. 2024).

The text that we have carries no equation, table or figure. Every formula here is reconstructed from
the prose; docstrings cite the equation numbers that the prose gives and say what was chosen.
"""
