"""The budget meter, without a server."""

import pytest

from kshot.config import BudgetConfig
from kshot.generate.teacher.budget import BudgetMeter, Cost


@pytest.mark.parametrize(
    ("budget", "name"),
    [(BudgetConfig(requests=2), "requests"), (BudgetConfig(tokens=25), "tokens"), (BudgetConfig(money=2.5), "money")],
)
def test_requests_in_flight_count_until_they_settle(budget: BudgetConfig, name: str) -> None:
    meter = BudgetMeter(budget, Cost())
    max_cost = Cost(1, 5, 5, 1.0)
    assert meter.reserve(max_cost) is None
    assert meter.reserve(max_cost) is None
    assert meter.reserve(max_cost) == name
    meter.settle(max_cost, None)
    assert meter.reserve(max_cost) is None
    meter.settle(max_cost, Cost(1, 5, 5, 1.0))
    assert (meter.total_cost.requests, meter.is_idle) == (1, False)
    meter.settle(max_cost, Cost(0, 0, 0, 0.0))
    assert meter.is_idle


def test_costs_of_earlier_runs_count() -> None:
    assert BudgetMeter(BudgetConfig(requests=3), Cost(3)).reserve(Cost(1)) == "requests"
