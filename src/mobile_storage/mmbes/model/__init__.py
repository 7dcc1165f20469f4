"""The model of paper 2: the substation, its ledgers, and what a storage of a size is worth."""
