"""The workbench's own error, and the helper with which a chapter expects one."""

from __future__ import annotations

import re
from types import TracebackType


class WorkbenchError(Exception):
    """Something that the user can put right; the text says what, where, why and what to do.

    `exit_code` is what a command ends with: 1 for a refusal (the notebooks must change), 2 for usage
    (no workspace, an unreadable notebook, a target that cannot be written).

    >>> raise WorkbenchError("no workspace here: make one with ...", exit_code=2)
    """

    def __init__(self, message: str, *, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class expect_error:  # noqa: N801  # reads as a statement: `with expect_error(...)`
    """Run a block that must fail, and print how it failed.

    Args:
        kind: The exception class that the block must raise; a subclass will do.
        match: A regular expression that must be found in the exception's text.

    Raises:
        AssertionError: The block raised nothing, something else, or another text.

    >>> with expect_error(ZeroDivisionError, match="division"):
    ...     1 / 0
    ZeroDivisionError: division by zero
    """

    def __init__(self, kind: type[BaseException], *, match: str = "") -> None:
        self.kind = kind
        self.match = match
        self.error: BaseException | None = None

    def __enter__(self) -> expect_error:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is None:
            raise AssertionError(f"expected {self.kind.__name__}, and nothing was raised")
        if not isinstance(error, self.kind):
            if not isinstance(error, Exception):
                return False  # an interrupt or a cancellation is nobody's lesson
            raise AssertionError(
                f"expected {self.kind.__name__}, and {type(error).__name__} was raised: {error}"
            ) from error
        if not re.search(self.match, str(error)):
            raise AssertionError(
                f"{self.kind.__name__} was raised as expected, but its text does not match "
                f"{self.match!r}: {error}"
            ) from error
        self.error = error
        print(f"{type(error).__name__}: {error}")
        return True
