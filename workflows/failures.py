"""Failed activities, as workflows see them."""

from temporalio.exceptions import ActivityError, ApplicationError, FailureError


def error_type(error: ActivityError) -> str | None:
    """The class of ``billing.errors`` that the activity failed with."""
    return error.cause.type if isinstance(error.cause, ApplicationError) else None


def is_final(error: ActivityError) -> bool:
    """Whether no retry can help: a person is needed."""
    return isinstance(error.cause, ApplicationError) and error.cause.non_retryable


def reason(error: ActivityError) -> str:
    """The message of the first cause, at most 500 characters."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return (cause.message if isinstance(cause, FailureError) else str(cause))[:500]
