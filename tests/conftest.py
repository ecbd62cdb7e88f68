"""For all tests: where CI=true nothing is skipped silently, and nothing of the machine's owner enters."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

os.environ["FCLAB_PROGRESS"] = "off"  # what a learner did on this machine must not change what a lesson prints

CI = os.environ.get("CI") == "true"


def _no_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI a skip is a failure: every part that tests need is installed there."""
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped where CI=true: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _no_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _no_skip(report)
    return report
