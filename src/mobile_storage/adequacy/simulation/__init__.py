"""Monte Carlo simulation, written independently of `analytic`; tests compare the two."""
