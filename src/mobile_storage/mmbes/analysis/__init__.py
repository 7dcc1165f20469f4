"""Analyses of the model of paper 2: claims, independent checks, implied tables."""
