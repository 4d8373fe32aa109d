"""The two spikes that decided the design, made again on the shipped modules: evidence, not absence of failure."""
