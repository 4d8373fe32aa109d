"""The five patterns that the design depends on, tried on trio and on the modules that ship."""
