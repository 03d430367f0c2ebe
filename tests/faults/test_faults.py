"""Each fault once, in every tier; some of them as an ordinary user, or to forked kernels, too."""

from __future__ import annotations

import pytest

from .accounts import Account, ordinary_account, own_account
from .catalogue import FAULTS
from .fault import Fault
from .soak import soaked
from .stage import TIERS, Stage, Tier

# Beyond those that warm the process up, with which it is twenty.
_SOAK_RUNS = 14
# One of each kind: who kills, who cleans up, and what the modes of files mean to whom.
_AS_ORDINARY = ("3", "9", "10b", "17", "24a", "24d")
# Who dies, and when: what a fork server and waiting kernels make different.
_WARM = (
    "1",
    "2",
    "3",
    "7",
    "8",
    "9",
    "10",
    "10b",
    "11",
    "12",
    "14",
    "15",
    "16",
    "17",
    "18a",
    "19c",
)

each_tier = pytest.mark.parametrize("tier", TIERS)
each_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.number)
each_chosen_fault = pytest.mark.parametrize(
    "fault",
    [fault for fault in FAULTS if fault.number in _AS_ORDINARY],
    ids=lambda fault: fault.number,
)
each_fault_of_warm_kernels = pytest.mark.parametrize(
    "fault",
    [fault for fault in FAULTS if fault.number in _WARM],
    ids=lambda fault: fault.number,
)


def _commit(fault: Fault, tier: Tier, account: Account, *, warm: bool = False) -> None:
    reason = fault.why_not(tier, account)
    if reason:
        pytest.skip(reason)
    for _ in range(fault.times):
        with Stage(tier, account, warm=warm) as stage:
            fault.act(stage)


@each_tier
@each_fault
def test_nothing_is_left(fault: Fault, tier: Tier) -> None:
    _commit(fault, tier, own_account())


@each_tier
@each_fault_of_warm_kernels
def test_nothing_is_left_of_warm_kernels(fault: Fault, tier: Tier) -> None:
    _commit(fault, tier, own_account(), warm=True)


@each_tier
@each_chosen_fault
def test_nothing_is_left_of_an_ordinary_user(fault: Fault, tier: Tier) -> None:
    if not ordinary_account().other:
        pytest.skip("this is an ordinary user, whose faults are those above")
    _commit(fault, tier, ordinary_account())


@each_tier
def test_nothing_grows(tier: Tier) -> None:
    with Stage(tier, own_account()) as stage:
        soaked(_SOAK_RUNS)(stage)
