"""Settings: where each value comes from, how it is parsed, and the defaults."""
