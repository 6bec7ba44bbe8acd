"""Whether one end of a connection may wait for the other awake, for a moment, instead of asleep.

A processor that has gone to sleep takes longer to wake up than a small model takes to predict. So
while requests follow one another closely, both ends poll for the next message before they sleep.
"""

from __future__ import annotations

import os
from pathlib import Path

MOMENT = 0.0005
"""Seconds that an end waits awake, if what it waited for before came within as many."""

_SWITCH = "RUNNER_BUSY_POLL"
_ENOUGH = 2


def may_wait_awake(root: Path = Path("/")) -> bool:
    """Say whether who polls takes no processor that the other end needs.

    Two processors must be ours, by this process's affinity and by the quotas of its control groups
    (cgroups(7); ``root`` is where /proc and /sys are), and RUNNER_BUSY_POLL must not be 0.
    """
    if os.environ.get(_SWITCH) == "0" or len(os.sched_getaffinity(0)) < _ENOUGH:
        return False
    return all(quota >= _ENOUGH for quota in _quotas(root))


def _quotas(root: Path) -> list[float]:
    """Give the processors' worth of time that each control group of ours may use, if limited."""
    groups = root / "sys/fs/cgroup"
    limits = [f"{_read(groups / 'cpu/cpu.cfs_quota_us')} {_read(groups / 'cpu/cpu.cfs_period_us')}"]
    for line in _read(root / "proc/self/cgroup").splitlines():
        if line.startswith("0::/"):  # version 2, where all groups above set limits, too
            own = groups / line.removeprefix("0::/")
            limits += [
                _read(group / "cpu.max")
                for group in (own, *own.parents)
                if group.is_relative_to(groups)
            ]
    quotas = []
    for limit in limits:
        time, _, period = limit.partition(" ")
        if time.isdecimal() and period.isdecimal():  # else "max", "-1", or there is none
            quotas.append(int(time) / int(period))
    return quotas


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError:
        return ""
