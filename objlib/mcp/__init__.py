"""The library for agents: a server of the Model Context Protocol over the Python API. Needs the extra ``mcp``."""
