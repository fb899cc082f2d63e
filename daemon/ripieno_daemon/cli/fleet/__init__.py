"""Commands of a fleet's operator: what a console asks of devices over the broker, and who may."""
