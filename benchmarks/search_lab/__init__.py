"""Parts of the search benchmarks."""
