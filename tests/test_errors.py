"""expect_error: it prints how a block failed, and fails when the block did not, or failed in another way."""

from __future__ import annotations

import asyncio

import pytest

import mcp_workbench
from mcp_workbench import WorkbenchError, expect_error


def test_it_prints_how_it_failed(capsys: pytest.CaptureFixture[str]) -> None:
    with expect_error(ZeroDivisionError, match="division") as expected:
        _ = 1 / 0
    assert capsys.readouterr().out == "ZeroDivisionError: division by zero\n"
    assert isinstance(expected.error, ZeroDivisionError)


def test_a_subclass_will_do(capsys: pytest.CaptureFixture[str]) -> None:
    with expect_error(LookupError):
        _ = {}["nope"]
    assert capsys.readouterr().out == "KeyError: 'nope'\n"


async def test_it_may_contain_await() -> None:
    with expect_error(TimeoutError):
        await asyncio.wait_for(asyncio.sleep(9), 0.001)


def test_nothing_raised() -> None:
    with (
        pytest.raises(AssertionError, match="expected ValueError, and nothing was raised"),
        expect_error(ValueError),
    ):
        pass


def test_something_else_raised() -> None:
    with pytest.raises(AssertionError, match="expected ValueError, and KeyError was raised") as failed:  # noqa: SIM117
        with expect_error(ValueError):
            raise KeyError("x")
    assert isinstance(failed.value.__cause__, KeyError)


def test_another_text() -> None:
    with (
        pytest.raises(AssertionError, match="does not match 'limit'"),
        expect_error(ValueError, match="limit"),
    ):
        raise ValueError("too long")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, asyncio.CancelledError, SystemExit])
def test_an_interrupt_passes(kind: type[BaseException]) -> None:
    with pytest.raises(kind), expect_error(ValueError):
        raise kind


def test_the_package_offers_a_few_names() -> None:
    assert sorted(mcp_workbench.__all__) == [
        "WorkbenchError",
        "acheck",
        "check",
        "expect_error",
        "hint",
        "inspector",
        "not_yet",
        "progress",
        "rebuild",
        "reset",
        "resume",
        "solution",
        "trace",
    ]
    assert all(getattr(mcp_workbench, name).__doc__ for name in mcp_workbench.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = mcp_workbench.nope
    assert WorkbenchError("x").exit_code == 2
