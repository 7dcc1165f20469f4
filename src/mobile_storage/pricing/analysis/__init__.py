"""Analyses of the model of paper 1: cases, claims, ties, sensitivity, iteration."""
