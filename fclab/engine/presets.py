"""Three sets of rules, by name: what the source article says, what Function Compute documents, what Lambda documents.

Sources: Function Compute retry, quota and scaling pages (2022 to 2026); Lambda asynchronous invocation and scaling pages. Where no
page gives a number it is marked as an assumption.
"""

from __future__ import annotations

from dataclasses import dataclass

from fclab.engine.retry import RetryPolicy
from fclab.model import AsyncConfig
from fclab.units import FOREVER, SECOND, to_us

__all__ = ["PRESETS", "Preset", "retry_policy"]


@dataclass(frozen=True, slots=True)
class Preset:
    """Rules for retries, keeping warm and growth. Seconds in µs; counts; None or FOREVER for no limit.

    burst instances may be created at once; `growth_count` more every `growth_period` after that; `cap` at a time in the lab.
    """

    name: str
    retry: RetryPolicy
    idle_us: int
    burst: int | None
    growth_count: int
    growth_period: int
    cap: int | None


_DAY = 86_400 * SECOND
_CAP = 512 * SECOND  # assumption, modelled on the message service's push policy

PRESETS = {
    "article": Preset(
        "article",
        RetryPolicy(3, SECOND // 2, _CAP, SECOND // 2, _CAP, FOREVER, FOREVER),  # waits of function errors: assumption
        300 * SECOND, None, 0, 0, None,
    ),
    "fc": Preset(
        "fc",
        RetryPolicy(3, SECOND // 2, _CAP, SECOND // 2, _CAP, 18_000 * SECOND, _DAY),  # waits of function errors: assumption
        300 * SECOND, 300, 300, 60 * SECOND, 300,
    ),
    "lambda": Preset(
        "lambda",
        RetryPolicy(2, 60 * SECOND, 300 * SECOND, SECOND, 300 * SECOND, 21_600 * SECOND, 21_600 * SECOND),
        300 * SECOND, 1000, 1000, 10 * SECOND, 1000,  # idle window: unpublished, assumption
    ),
}  # fmt: skip


def retry_policy(preset: Preset, config: AsyncConfig) -> RetryPolicy:
    """The preset's numbers with the function's own in their place; `first_delay` and `cap` hold for both kinds of error."""
    base = preset.retry
    first = None if config.first_delay is None else to_us(config.first_delay, "first_delay")
    cap = None if config.cap is None else to_us(config.cap, "cap", endless=True)
    return RetryPolicy(
        base.max_retries if config.max_retries is None else config.max_retries,
        base.function_first if first is None else first,
        base.function_cap if cap is None else cap,
        base.system_first if first is None else first,
        base.system_cap if cap is None else cap,
        base.system_total if config.total is None else to_us(config.total, "total", endless=True),
        base.max_age if config.max_age is None else to_us(config.max_age, "max_age", endless=True),
    )
