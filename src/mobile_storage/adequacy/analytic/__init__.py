"""Expected unserved energy of a network's outages, in closed form or by enumeration."""
