"""Common parts of the benchmarks: rows measured in turn, and a service that costs as little as possible."""
