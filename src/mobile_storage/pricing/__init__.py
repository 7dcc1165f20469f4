"""Paper 1: multi-grade pricing of emergency power supply (Bao, Gao, Yan 2024).

Equation numbers in this package are the paper's. What the text does not carry (operators, the
thresholds of Figure 1A, Table 1, the customers' parameters) is reconstructed, and each docstring
says so where it happens.
"""
