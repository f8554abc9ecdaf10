"""Every call of the native API, as data: customers and facts, and what an operator does about who is who."""

from __future__ import annotations

from huaxiang.dialects.contract import Endpoint
from huaxiang.dialects.native import (
    changes,
    decisions,
    dictionaries,
    erasure,
    evidence,
    rules,
    steps,
    suggestions,
    wire,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *wire.ENDPOINTS,
    *evidence.ENDPOINTS,
    *erasure.ENDPOINTS,
    *changes.ENDPOINTS,
    *decisions.ENDPOINTS,
    *rules.ENDPOINTS,
    *suggestions.ENDPOINTS,
    *steps.ENDPOINTS,
    *dictionaries.ENDPOINTS,
)
