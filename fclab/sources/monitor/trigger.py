"""The alarm that calls a function, and the event it sends."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, ClassVar

from fclab.errors import UsageError
from fclab.model import Mode
from fclab.observe.series import METRICS, Metric
from fclab.sources.base import ACCOUNT, REGION, Trigger, document
from fclab.sources.monitor.alarm import ALARM, INSUFFICIENT, OK, OPERATORS
from fclab.sources.stamps import stamp

__all__ = ["EVENT_SOURCE", "EVENT_TYPE", "NAMESPACE", "AlarmTrigger", "alarm_data", "alarm_event", "measure", "subject"]

NAMESPACE, EVENT_SOURCE, EVENT_TYPE = "acs_fc", "acs.cms", "cms:CloudMonitor:AlertWebHook"
_LEVELS = {OK: "OK", ALARM: "WARN", INSUFFICIENT: "INSUFFICIENT_DATA"}
_ARN = f"acs:cms:{REGION}:{ACCOUNT}:metric/{NAMESPACE}"
_KEYS = ("metricName", "functionName", "statistics", "comparisonOperator", "threshold", "period", "times", "recovery")


def measure(name: object, statistic: object = None) -> tuple[Metric, str]:
    """The metric and the statistic that are meant: by our name, or by the product's, which says both. Raises `UsageError`."""
    metric = METRICS.get(name) if isinstance(name, str) else None
    for one in METRICS.values():
        for said, names in one.documented.items():
            if name in names:
                metric, statistic = one, said if statistic is None else statistic
    if metric is None:
        raise UsageError(f"There is no metric {name!r}.", hint=f"there is: {', '.join(METRICS)}")
    found = metric.statistics[0] if statistic is None else statistic
    if found not in metric.statistics:
        known = " or ".join(metric.statistics)
        raise UsageError(f"The statistic of {metric.name} is {known}, not {found!r}.", hint="leave it out for the first")
    return metric, str(found)


@dataclass(frozen=True, kw_only=True)
class AlarmTrigger(Trigger):
    """Calls the function when a metric of the lab passes a threshold, and, with `recovery`, when that is over.

    metric        one of `lab.monitor.metrics()`, by our name ("cold_starts") or the product's ("FunctionP99Duration")
    function      whose metric; None for all functions together, the called one included: its own cold starts, or its errors, may then set
                  the alarm off again and again, so name the function that is meant
    statistic     of a period: "sum", "average", "maximum" or "p99", what the metric has; left out, its first
    operator, threshold   ">=", ">", "<=", "<", "==" or "!=", and a number: of events, of things, or of seconds
    period        whole seconds, 1 to 86400; periods begin at multiples of it in lab time. The product has 60 and its multiples
    consecutive   periods in a row over the threshold that make an alarm, 1 to 100
    """

    TYPE: ClassVar[str] = "alarm"
    SOURCE: ClassVar[str] = "monitor"
    MODE: ClassVar[Mode] = "async"
    RETRIES: ClassVar[str] = "for a day, after 1, 2, 4 ... 300 s, while the platform refuses it; then its queue retries"

    metric: str
    function: str | None = None
    statistic: str | None = None
    operator: str = ">="
    threshold: float
    period: int = 60
    consecutive: int = 1
    recovery: bool = True

    def __post_init__(self) -> None:
        metric, statistic = measure(self.metric, self.statistic)
        object.__setattr__(self, "metric", metric.name)
        object.__setattr__(self, "statistic", statistic)
        if self.function is not None and (not isinstance(self.function, str) or not self.function):
            raise UsageError(f"function is a function's name, or None for all, not {self.function!r}.", hint="such as 'checkout'")
        if not isinstance(self.operator, str) or self.operator not in OPERATORS:
            raise UsageError(f"operator is one of {', '.join(OPERATORS)}, not {self.operator!r}.", hint="the usual one is >=")
        number = isinstance(self.threshold, (int, float)) and not isinstance(self.threshold, bool) and math.isfinite(self.threshold)
        if not number:
            raise UsageError(f"threshold is a number, not {self.threshold!r}.", hint="such as 3")
        for name, most in (("period", 86_400), ("consecutive", 100)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise UsageError(f"{name} is a whole number from 1 to {most}, not {value!r}.", hint=f"choose {name} in that range")
        if not isinstance(self.recovery, bool):
            raise UsageError(f"recovery is True or False, not {self.recovery!r}.", hint="True tells the end of an alarm, too")

    @property
    def arn(self) -> str:
        return f"{_ARN}/{self.metric}" + (f"/{self.function}" if self.function else "")

    @property
    def watches(self) -> str:
        return f"{self.metric} {self.function}" if self.function else self.metric

    def breach(self, value: float | None) -> bool | None:
        """Whether a period's value is over the threshold; None where there is none."""
        return None if value is None else OPERATORS[self.operator][1](value, self.threshold)

    def config(self) -> dict[str, Any]:
        return {
            "metricName": self.metric, "functionName": self.function, "statistics": self.statistic,
            "comparisonOperator": OPERATORS[self.operator][0], "threshold": self.threshold, "period": self.period,
            "times": self.consecutive, "recovery": self.recovery,
        }  # fmt: skip

    @classmethod
    def from_config(cls, arn: str, config: dict[str, Any]) -> AlarmTrigger:
        """The trigger that a client describes; what it watches is in the config, so `arn` may be anything."""
        if not isinstance(config, dict):
            raise UsageError(f"triggerConfig is an object, not {config!r}.", hint=f"with {', '.join(_KEYS)}")
        if wrong := [name for name in config if name not in _KEYS]:
            raise UsageError(f"triggerConfig has no {wrong[0]!r}.", hint=f"it has {', '.join(_KEYS)}")
        signs = {word: sign for sign, (word, _) in OPERATORS.items()}
        word = config.get("comparisonOperator", OPERATORS[">="][0])
        if not isinstance(word, str) or word not in signs:
            raise UsageError(f"comparisonOperator is one of {', '.join(signs)}, not {word!r}.", hint="leave it out for the first")
        return cls(
            metric=config.get("metricName", ""),
            function=config.get("functionName"),
            statistic=config.get("statistics"),
            operator=signs[word],
            threshold=config.get("threshold", ""),
            period=config.get("period", 60),
            consecutive=config.get("times", 1),
            recovery=config.get("recovery", True),
        )

    @classmethod
    def example(cls) -> bytes:
        trigger = cls(metric="cold_starts", function="checkout", threshold=3)
        now = 1_735_689_660_000_000
        return alarm_event(1, trigger, now, alarm_data("lab-trigger-1", "alarm", trigger, 1, OK, ALARM, 4.0, now, 0))


def subject(rule: str) -> str:
    """The ARN of an alarm rule."""
    return f"acs:cms:{REGION}:{ACCOUNT}:alarm/{rule}"


def alarm_data(
    rule: str, name: str, trigger: AlarmTrigger, serial: int, before: str, state: str, value: float | None, now: int, lasted: int
) -> dict[str, Any]:
    """What an alarm says: the product's message about an alert (which it writes to queues, and calls web hooks with), and ours below it.

    rule, name   the rule's id and name; serial: its how manyeth change of state; now: µs since 1970; lasted: µs it was in `before`
    state, previousState, metric, function and value are the lab's own fields; so are the state without data and "AlertRaised".
    """
    function = {} if trigger.function is None else {"functionName": trigger.function}
    dimensions = {"region": REGION, **function}
    names = METRICS[trigger.metric].documented.get(trigger.statistic or "", ())
    documented = next((one for one in names if one.startswith("Region") == (trigger.function is None)), trigger.metric)
    statistic = (trigger.statistic or "").capitalize()
    at = now // 1000
    return {
        "ruleId": rule,
        "ruleName": name,
        "curLevel": _LEVELS[state],
        "preLevel": _LEVELS[before],
        "resources": json.dumps(dimensions, separators=(",", ":")),
        "escalation": {
            "comparisonOperator": OPERATORS[trigger.operator][0],
            "level": 3,
            "statistics": statistic,
            "tag": "WARN",
            "threshold": f"{trigger.threshold:g}",
            "times": trigger.consecutive,
        },
        "metricData": {"timestamp": at, "userId": ACCOUNT, **function, statistic: value},
        "metricName": documented,
        "namespace": NAMESPACE,
        "period": str(trigger.period),
        "lastTime": lasted // 1000,
        "time": at,
        "userId": ACCOUNT,
        "eventName": "AlertOk" if state == OK else "AlertRaised",
        "eventType": "Alert",
        "batchId": f"{rule}-{serial}",
        "version": "1.0",
        "state": state,
        "previousState": before,
        "metric": trigger.metric,
        "function": trigger.function,
        "value": value,
    }


def alarm_event(serial: int, trigger: AlarmTrigger, now: int, data: dict[str, Any]) -> bytes:
    """The event a function gets: the CloudEvent that the event bus would carry, with the product's extensions."""
    at = stamp(now)
    return document(
        {
            "id": f"{data['ruleId']}-{serial}",
            "source": EVENT_SOURCE,
            "specversion": "1.0",
            "type": EVENT_TYPE,
            "datacontenttype": "application/json; charset=utf-8",
            "subject": subject(data["ruleId"]),
            "time": at,
            "aliyunaccountid": ACCOUNT,
            "aliyunpublishtime": at,
            "aliyunoriginalaccountid": ACCOUNT,
            "aliyuneventbusname": "default",
            "aliyunregionid": REGION,
            "data": data,
        }
    )
