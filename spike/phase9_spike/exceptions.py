"""The three ways in which a transition does not happen: the shipped errors, under the names the spike asked for."""

from objlib.core.errors import GuardRejectedError, StaleTransitionError, TransitionNotAllowedError

__all__ = ["GuardRejectedError", "StaleTransitionError", "TransitionNotAllowedError"]
