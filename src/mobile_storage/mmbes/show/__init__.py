"""Tables and figures of paper 2."""
