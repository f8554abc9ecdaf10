"""What the tests of the kernel share."""

from __future__ import annotations

import pytest
from desk import Desk

from huaxiang.model import Tenant
from huaxiang.service import Service


@pytest.fixture
def desk(service: Service, tenant: Tenant) -> Desk:
    """A tenant's desk in a house of its own."""
    return Desk(service, tenant)
