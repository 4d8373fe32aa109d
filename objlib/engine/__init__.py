"""The engine: what the commands do, on trio. Each module is one verb; :mod:`objlib.engine.app` opens them all."""
