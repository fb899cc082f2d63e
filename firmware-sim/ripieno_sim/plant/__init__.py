"""The simulated plant: what the machines do and what the cameras see."""
