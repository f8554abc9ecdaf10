"""Tinet Smartlink's quality check, spoken from the client's side: the vendor's SDK, name for name, in Python.

    smartlink.py      SmartlinkClient, AsyncSmartlinkClient
    configuration.py  SmartlinkClientConfiguration: keys, host, timeouts, tries
    requests.py       CustomerPortraitRequest and its neighbours, as data
    answers.py        CustomerPortraitResponse and its neighbours; what a refusal means
    signed.py         a signature for each try

It works against the vendor's host as against a Huaxiang server. The errors are those of `huaxiang.client`.

    >>> configuration = SmartlinkClientConfiguration()
    >>> configuration.setHost("smartlink-sqc-openapi-test.tinetcloud.com", 80)
    >>> configuration.address
    'http://smartlink-sqc-openapi-test.tinetcloud.com:80'
    >>> request = CustomerPortraitRequest()
    >>> request.setOffset(1)
    >>> request.setLimit(2)
    >>> dict(request.call().query)
    {'offset': '1', 'limit': '2'}
"""

from __future__ import annotations

from huaxiang.client.tinet.answers import (
    CdrSqcDetailsResponse,
    CustomerPortrait,
    CustomerPortraitResponse,
    JsonUtils,
    ListCdrsByConditionsResponse,
    ListCdrSqcDetailsResponse,
    PortraitDetail,
    PushResponse,
)
from huaxiang.client.tinet.configuration import SmartlinkClientConfiguration
from huaxiang.client.tinet.requests import (
    AsrText,
    CdrSqcDetailsRequest,
    CustomerPortraitRequest,
    ListCdrsByConditionsRequest,
    ListCdrSqcDetailsRequest,
    OriginData,
    PushAsrTextRequest,
    PushCdrRequest,
    Record,
    SentenceResult,
    UpdateCdrRequest,
)
from huaxiang.client.tinet.smartlink import AsyncSmartlinkClient, SmartlinkClient

__all__ = [
    "AsrText",
    "AsyncSmartlinkClient",
    "CdrSqcDetailsRequest",
    "CdrSqcDetailsResponse",
    "CustomerPortrait",
    "CustomerPortraitRequest",
    "CustomerPortraitResponse",
    "JsonUtils",
    "ListCdrSqcDetailsRequest",
    "ListCdrSqcDetailsResponse",
    "ListCdrsByConditionsRequest",
    "ListCdrsByConditionsResponse",
    "OriginData",
    "PortraitDetail",
    "PushAsrTextRequest",
    "PushCdrRequest",
    "PushResponse",
    "Record",
    "SentenceResult",
    "SmartlinkClient",
    "SmartlinkClientConfiguration",
    "UpdateCdrRequest",
]
