"""The errors of models."""


class ModelError(Exception):
    """The model cannot be used; search goes by words alone. One line."""


class ModelFolderError(ModelError):
    """A folder holds no model that can be used here; one line that says why, and what to do."""


class NoEncoderError(ModelFolderError):
    """The graph gives a number or two for a text, as a cross-encoder does."""
