"""Monte Carlo simulation, written apart from `analytic`, against which it is tested."""
