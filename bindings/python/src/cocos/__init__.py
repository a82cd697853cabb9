# SPDX-License-Identifier: Apache-2.0
"""Confidential computations: enclaves, uploads and results, by libcocos."""

from cocos._agent import Agent, Asset, Description, Event, NotConfidentialWarning
from cocos._core import Cancel, version
from cocos._enclave import Enclave, Host, LifecycleEvent
from cocos._errors import (
    AbortedError,
    BusyError,
    CancelledError,
    DeniedError,
    Error,
    ExhaustedError,
    InternalError,
    IOFailedError,
    MalformedError,
    NotFoundError,
    OutOfMemoryError,
    RejectedError,
    StateError,
    TimedOutError,
    UnauthenticatedError,
    UndecidedError,
    UnsupportedError,
    UsageError,
)
from cocos._key import Key, KeyType
from cocos._manifest import AssetKind, Checksum, Manifest, checksum

__all__ = [
    "AbortedError",
    "Agent",
    "Asset",
    "AssetKind",
    "BusyError",
    "Cancel",
    "CancelledError",
    "Checksum",
    "DeniedError",
    "Description",
    "Enclave",
    "Error",
    "Event",
    "ExhaustedError",
    "Host",
    "IOFailedError",
    "InternalError",
    "Key",
    "KeyType",
    "LifecycleEvent",
    "MalformedError",
    "Manifest",
    "NotConfidentialWarning",
    "NotFoundError",
    "OutOfMemoryError",
    "RejectedError",
    "StateError",
    "TimedOutError",
    "UnauthenticatedError",
    "UndecidedError",
    "UnsupportedError",
    "UsageError",
    "checksum",
    "version",
]
