"""The check of a user's model."""

from functools import partial
from pathlib import Path

from objlib.core.errors import UsageError
from objlib.core.reports.models import ModelReport
from objlib.embedded import ModelFolderError, check_model
from objlib.threads import thread_runner


async def check(path: Path) -> ModelReport:
    """Load a model, time it and score it on a small built-in set.

    Raises:
        UsageError: the folder holds no model that can be used here; one line that says why.
    """
    try:
        return await thread_runner(1)(partial(check_model, str(path)))
    except ModelFolderError as error:
        raise UsageError(str(error)) from None
