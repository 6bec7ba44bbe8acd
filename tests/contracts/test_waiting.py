"""Who may poll: only where two processors are left, by affinity and by quotas."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from contracts.waiting import may_wait_awake


@pytest.fixture(autouse=True)
def processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.delenv("RUNNER_BUSY_POLL", raising=False)


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_two_processors_are_enough(tmp_path: Path) -> None:
    assert may_wait_awake(tmp_path)


def test_one_processor_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert not may_wait_awake(tmp_path)


@pytest.mark.parametrize(("value", "may"), [("0", False), ("1", True), ("", True)])
def test_the_switch(value: str, may: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_BUSY_POLL", value)
    assert may_wait_awake(tmp_path) is may


@pytest.mark.parametrize(
    ("quota", "may"),
    [("max 100000\n", True), ("200000 100000\n", True), ("199999 100000\n", False)],
)
@pytest.mark.parametrize("group", ["", "machine.slice", "machine.slice/runner.service"])
def test_a_quota_of_any_group_above(quota: str, may: bool, group: str, tmp_path: Path) -> None:
    """The least one holds, as the kernel has it."""
    write(tmp_path / "proc/self/cgroup", "1:cpu:/x\n0::/machine.slice/runner.service\n")
    write(tmp_path / "sys/fs/cgroup" / group / "cpu.max", quota)
    assert may_wait_awake(tmp_path) is may


def test_a_quota_of_another_group(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", "0::/machine.slice\n")
    write(tmp_path / "sys/fs/cgroup/machine.slice/other/cpu.max", "50000 100000\n")
    write(tmp_path / "sys/fs/cpu.max", "50000 100000\n")
    assert may_wait_awake(tmp_path)


@pytest.mark.parametrize(("quota", "may"), [("-1", True), ("400000", True), ("150000", False)])
def test_a_quota_of_version_1(quota: str, may: bool, tmp_path: Path) -> None:
    write(tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", f"{quota}\n")
    write(tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    assert may_wait_awake(tmp_path) is may
