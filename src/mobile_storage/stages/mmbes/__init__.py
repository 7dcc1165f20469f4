"""Stages of paper 2."""
