"""The engine: what the commands do, on trio. Each module is one verb; ``app`` opens what they share."""
