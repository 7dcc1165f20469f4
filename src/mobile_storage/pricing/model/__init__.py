"""The model of paper 1: data, customers, grades, the game and the owner's income."""
