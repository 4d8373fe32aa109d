"""A laboratory for pacing: simulated services, strategies behind one interface, scenarios, a table and a picture.

Everything is discrete events on a virtual clock: a run of minutes takes milliseconds, and a seed gives it again.
"""
