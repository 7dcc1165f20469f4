"""Stages of paper 1."""
