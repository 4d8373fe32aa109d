"""What the benchmarks share: rows measured in turn, and a service that costs as little as possible."""
