# SPDX-License-Identifier: Apache-2.0
"""Failures come out as exceptions of the right kind."""

from __future__ import annotations

import pathlib
import re

import pytest

import cocos
from cocos import _errors

INCLUDE = pathlib.Path(__file__).resolve().parents[3] / "include" / "cocos"


def test_every_status_of_the_header_has_a_class() -> None:
    text = (INCLUDE / "common.h").read_text()
    statuses = {int(v) for v in re.findall(r"COCOS_ERR_\w+\s*=\s*(-\d+)", text)}
    assert statuses == set(_errors._CLASSES)


def test_a_missing_file_is_not_found() -> None:
    with pytest.raises(cocos.NotFoundError) as e:
        cocos.Key.from_file("/nonexistent/key.pem")
    assert e.value.code
    assert "/nonexistent/key.pem" in e.value.message


def test_no_reason_for_trust_is_an_error_of_usage() -> None:
    with pytest.raises(cocos.UsageError) as e:
        cocos.Agent.connect("localhost:1", insecure_no_attestation=True)
    assert e.value.code == "agent.trust"


def test_no_evidence_has_to_be_wished_for() -> None:
    with pytest.raises(cocos.UsageError) as e:
        cocos.Agent.connect("localhost:1", pin="sha256:" + "0" * 64)
    assert e.value.code == "agent.policy.none"


def test_a_closed_object_is_refused() -> None:
    key = cocos.Key.generate()
    key.close()
    key.close()
    with pytest.raises(cocos.UsageError):
        key.spki  # noqa: B018


def test_nobody_listening_is_an_error_of_io() -> None:
    with pytest.raises(cocos.IOFailedError):
        cocos.Agent.connect("unix:/nonexistent/agent.sock", insecure_no_attestation=True, timeout=5)
