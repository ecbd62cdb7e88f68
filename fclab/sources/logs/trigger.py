"""The trigger of the log service, and the event that its job sends."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from fclab.errors import UsageError
from fclab.model import Mode
from fclab.sources.base import ACCOUNT, REGION, Trigger, document, name_check
from fclab.sources.logs.cursors import cursor

__all__ = ["ENDPOINT", "LogTrigger", "logstore_name", "project_name", "task_event"]

ENDPOINT = f"https://{REGION}-intranet.log.aliyuncs.com"
_PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_LOGSTORE = re.compile(r"[a-z0-9][a-z0-9_-]{0,61}[a-z0-9]")
_ARN = re.compile(r"acs:log:[^:]*:[^:]*:project/([^/]+)")


def project_name(value: object, what: str = "A project's name") -> str:
    """`value`, if it may name a project."""
    return name_check(value, what, _PROJECT, "3 to 63 small letters, digits and - (not at either end)")


def logstore_name(value: object, what: str = "A logstore's name") -> str:
    """`value`, if it may name a logstore."""
    return name_check(value, what, _LOGSTORE, "2 to 63 small letters, digits, - and _ (not at either end)")


@dataclass(frozen=True, kw_only=True)
class LogTrigger(Trigger):
    """Every `interval` seconds, calls the function once for each shard of a logstore that has new logs, with cursors to pull them by.

    project, logstore   what is watched; both are made if they are not there
    interval            seconds between two looks, 3 to 600
    max_retries         how often a call that fails is repeated at once, 0 to 100; after that it is repeated with growing waits
    parameter           a mapping that the event carries
    log_project, log_logstore   where the job writes what it did; both or neither, and not what is watched
    start               the first logs it sees: "end", those that come from now on; "begin", all; or a time as `query` has it
    """

    TYPE: ClassVar[str] = "log"
    SOURCE: ClassVar[str] = "logs"
    MODE: ClassVar[Mode] = "sync"
    RETRIES: ClassVar[str] = "max_retries times at once, then after 1, 2, 4 ... intervals, an hour at most; its shard waits"

    project: str
    logstore: str
    interval: int = 60
    max_retries: int = 3
    parameter: Mapping[str, Any] = field(default_factory=dict, hash=False)
    log_project: str = ""
    log_logstore: str = ""
    start: str | float = "end"

    def __post_init__(self) -> None:
        project_name(self.project, "project")
        logstore_name(self.logstore, "logstore")
        _whole(self.interval, "interval", 3, 600)
        _whole(self.max_retries, "max_retries", 0, 100)
        try:
            plain = json.loads(json.dumps(self.parameter, allow_nan=False)) if isinstance(self.parameter, Mapping) else None
        except (TypeError, ValueError):
            plain = None
        if plain is None:
            raise UsageError(f"parameter is a mapping that JSON can carry, unlike {self.parameter!r}.", hint='such as {"level": "error"}')
        object.__setattr__(self, "parameter", plain)
        if bool(self.log_project) != bool(self.log_logstore):
            raise UsageError("log_project and log_logstore go together.", hint="give both, or leave both out")
        if self.log_project:
            project_name(self.log_project, "log_project")
            logstore_name(self.log_logstore, "log_logstore")
            if (self.log_project, self.log_logstore) == (self.project, self.logstore):
                raise UsageError("A job cannot write its log where it looks for new logs.", hint="choose another log_logstore")
        if self.start == 0 and self.start is not False:
            object.__setattr__(self, "start", "begin")
        number = isinstance(self.start, (int, float)) and not isinstance(self.start, bool) and self.start >= 0
        if self.start not in ("begin", "end") and not number:
            raise UsageError(f'start is "begin", "end" or a time in seconds, not {self.start!r}.', hint='"end" sees only what is new')

    @property
    def arn(self) -> str:
        return f"acs:log:{REGION}:{ACCOUNT}:project/{self.project}"

    @property
    def watches(self) -> str:
        return f"{self.project}/{self.logstore}"

    def config(self) -> dict[str, Any]:
        """The wire's `triggerConfig`; a `startTime` of null is the end, 0 the beginning."""
        start = {"begin": 0, "end": None}.get(self.start, self.start) if isinstance(self.start, str) else self.start
        found = {
            "sourceConfig": {"logstore": self.logstore, "startTime": start},
            "jobConfig": {"maxRetryTime": self.max_retries, "triggerInterval": self.interval},
            "functionParameter": copy.deepcopy(dict(self.parameter)),
            "enable": True,
        }
        return {**found, "logConfig": {"project": self.log_project, "logstore": self.log_logstore}} if self.log_project else found

    @classmethod
    def from_config(cls, arn: str, config: dict[str, Any]) -> LogTrigger:
        """The trigger that a client describes. Whether it is enabled (`enable`) is the caller's to see to."""
        match = _ARN.fullmatch(arn) if isinstance(arn, str) else None
        if match is None:
            raise UsageError(f"sourceArn names no project: {arn!r}.", hint="such as acs:log:lab:000000000000:project/shop")
        _known(config, "triggerConfig", ("sourceConfig", "jobConfig", "functionParameter", "logConfig", "enable"))
        if not isinstance(config.get("enable", True), bool):
            raise UsageError(f"enable is true or false, not {config['enable']!r}.", hint="leave it out for true")
        source = _known(config.get("sourceConfig"), "sourceConfig", ("logstore", "startTime"))
        job = _known(config.get("jobConfig", {}), "jobConfig", ("maxRetryTime", "triggerInterval"))
        log = _known(config.get("logConfig", {}), "logConfig", ("project", "logstore"))
        start = source.get("startTime")
        if isinstance(start, str):
            raise UsageError(f"startTime is null or a time in seconds, not {start!r}.", hint="null for what comes from now on, 0 for all")
        return cls(
            project=match[1],
            logstore=source.get("logstore", ""),
            interval=job.get("triggerInterval", 60),
            max_retries=job.get("maxRetryTime", 3),
            parameter={} if config.get("functionParameter") is None else config["functionParameter"],
            log_project=log.get("project") or "",
            log_logstore=log.get("logstore") or "",
            start="end" if start is None else start,
        )

    @classmethod
    def example(cls) -> bytes:
        trigger = cls(project="shop", logstore="access")
        return task_event(trigger, "report/log", cursor(1, 0, 1), cursor(1, 0, 4), 0, 1_735_689_660_000_000)


def task_event(trigger: LogTrigger, job: str, begin: str, end: str, shard: int, arrived: int) -> bytes:
    """The event of one task: the logs of a shard from one cursor up to, but not at, another.

    job   whose task it is: function and trigger; arrived: when the newest of the logs came, µs since 1970
    """
    return document(
        {
            "parameter": trigger.parameter,
            "source": {
                "endpoint": ENDPOINT,
                "projectName": trigger.project,
                "logstoreName": trigger.logstore,
                "shardId": shard,
                "beginCursor": begin,
                "endCursor": end,
            },
            "jobName": hashlib.sha1(f"{trigger.arn} {job}".encode(), usedforsecurity=False).hexdigest(),
            "taskId": str(uuid.UUID(bytes=hashlib.sha256(f"{job} {begin} {end}".encode()).digest()[:16], version=4)),
            "cursorTime": arrived // 1_000_000,
        }
    )


def _whole(value: object, what: str, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UsageError(f"{what} is a whole number from {least} to {most}, not {value!r}.", hint=f"choose {what} in that range")


def _known(value: object, what: str, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{what} is an object, not {value!r}.", hint=f"with {', '.join(names)}")
    if wrong := [name for name in value if name not in names]:
        raise UsageError(f"{what} has no {wrong[0]!r}.", hint=f"it has {', '.join(names)}")
    return value
