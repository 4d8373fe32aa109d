"""The stores of a service: which there are, a new one, one that goes, and documents that another tool uploaded."""
