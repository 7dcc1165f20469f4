"""Tables and figures of paper 1."""
