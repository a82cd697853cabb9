# SPDX-License-Identifier: Apache-2.0
"""The shared library and the C signatures of everything that is bound.

tests/test_signatures.py holds this table against the headers, so that the two cannot drift apart.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

SONAME = "libcocos.so.0"

PROGRESS_FN = CFUNCTYPE(c_int, c_void_p, c_uint64, c_uint64)
AGENT_EVENT_FN = CFUNCTYPE(c_int, c_void_p, c_uint64, c_int64, c_char_p, c_char_p, c_uint64, c_int, c_uint64)
ENCLAVE_EVENT_FN = CFUNCTYPE(c_int, c_void_p, c_uint64, c_int64, c_char_p, c_char_p, c_char_p)
ENCLAVE_CONSOLE_FN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t)

_OUT = POINTER(c_void_p)  # an object or text that the caller owns afterwards
_P = c_void_p  # an object, or bytes in or out
_S = c_char_p

# name: (result, parameters)
SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    # common.h
    "cocos_cancel_free": (None, (_P,)),
    "cocos_cancel_new": (_P, ()),
    "cocos_cancel_trigger": (None, (_P,)),
    "cocos_cancel_triggered": (c_int, (_P,)),
    "cocos_deadline_in": (c_int64, (c_int64,)),
    "cocos_status_exit_code": (c_int, (c_int,)),
    "cocos_status_name": (_S, (c_int,)),
    "cocos_version": (_S, ()),
    # error.h
    "cocos_error_cause": (_P, (_P,)),
    "cocos_error_check": (_S, (_P,)),
    "cocos_error_code": (_S, (_P,)),
    "cocos_error_expected": (_S, (_P,)),
    "cocos_error_found": (_S, (_P,)),
    "cocos_error_free": (None, (_P,)),
    "cocos_error_message": (_S, (_P,)),
    "cocos_error_status": (c_int, (_P,)),
    # key.h
    "cocos_free_text": (None, (_P,)),
    "cocos_key_free": (None, (_P,)),
    "cocos_key_from_file": (c_int, (_S, _OUT, _OUT)),
    "cocos_key_from_pem": (c_int, (_P, c_size_t, _OUT, _OUT)),
    "cocos_key_from_spki": (c_int, (_P, c_size_t, _OUT, _OUT)),
    "cocos_key_generate": (c_int, (c_int, _OUT, _OUT)),
    "cocos_key_is_private": (c_int, (_P,)),
    "cocos_key_spki": (_P, (_P, POINTER(c_size_t))),
    "cocos_key_thumbprint": (_P, (_P,)),
    "cocos_key_to_pem": (c_int, (_P, c_int, _OUT, _OUT)),
    "cocos_key_type": (c_int, (_P,)),
    # manifest.h
    "cocos_manifest_agent_config": (_S, (_P, c_int)),
    "cocos_manifest_algo_arg": (_S, (_P, c_size_t)),
    "cocos_manifest_algo_arg_count": (c_size_t, (_P,)),
    "cocos_manifest_algo_type": (_S, (_P,)),
    "cocos_manifest_approval": (_S, (_P, c_size_t)),
    "cocos_manifest_approval_count": (c_size_t, (_P,)),
    "cocos_manifest_asset_count": (c_size_t, (_P, c_int)),
    "cocos_manifest_asset_digest": (_P, (_P, c_int, c_size_t)),
    "cocos_manifest_asset_name": (_S, (_P, c_int, c_size_t)),
    "cocos_manifest_asset_owner": (_P, (_P, c_int, c_size_t)),
    "cocos_manifest_asset_size": (c_uint64, (_P, c_int, c_size_t)),
    "cocos_manifest_attested_tls": (c_int, (_P,)),
    "cocos_manifest_cbor": (_P, (_P, POINTER(c_size_t))),
    "cocos_manifest_consumer": (_P, (_P, c_size_t)),
    "cocos_manifest_consumer_count": (c_size_t, (_P,)),
    "cocos_manifest_dataset_decompress": (c_int, (_P, c_size_t)),
    "cocos_manifest_description": (_S, (_P,)),
    "cocos_manifest_digest": (_P, (_P,)),
    "cocos_manifest_fingerprint": (_S, (_P,)),
    "cocos_manifest_free": (None, (_P,)),
    "cocos_manifest_from_cbor": (c_int, (_P, c_size_t, _OUT, _OUT)),
    "cocos_manifest_from_file": (c_int, (_S, _OUT, _OUT)),
    "cocos_manifest_from_json": (c_int, (_S, c_size_t, _S, _OUT, _OUT)),
    "cocos_manifest_id": (_S, (_P,)),
    "cocos_manifest_job_limit": (c_uint64, (_P, c_int)),
    "cocos_manifest_job_network_count": (c_size_t, (_P,)),
    "cocos_manifest_job_output": (_S, (_P,)),
    "cocos_manifest_name": (_S, (_P,)),
    "cocos_manifest_to_json": (c_int, (_P, _OUT, _OUT)),
    # collateral.h
    "cocos_bundle_cbor": (_P, (_P, POINTER(c_size_t))),
    "cocos_bundle_count": (c_size_t, (_P,)),
    "cocos_bundle_data": (_P, (_P, c_size_t, POINTER(c_size_t))),
    "cocos_bundle_free": (None, (_P,)),
    "cocos_bundle_kind": (c_int, (_P,)),
    "cocos_bundle_parse": (c_int, (_P, c_size_t, _OUT, _OUT)),
    "cocos_bundle_part": (c_int, (_P, c_size_t)),
    "cocos_bundle_source": (_S, (_P, c_size_t)),
    "cocos_bundle_subject": (_S, (_P,)),
    "cocos_bundle_until_ns": (c_int64, (_P, c_size_t)),
    "cocos_evidence_add_bundle": (c_int, (_P, _P, _OUT)),
    # computation.h
    "cocos_agent_approve": (c_int, (_P, _P, c_int64, _P, POINTER(c_size_t), _OUT)),
    "cocos_agent_attest": (c_int, (_P, _P, c_size_t, c_int64, _P, _OUT, _OUT)),
    "cocos_agent_confirm_manifest": (c_int, (_P, _P, _OUT)),
    "cocos_agent_conn_close": (None, (_P,)),
    "cocos_agent_conn_evidence": (_P, (_P, POINTER(c_size_t))),
    "cocos_agent_conn_set_consumer_nonce": (None, (_P, _P, c_size_t)),
    "cocos_agent_conn_verdict": (_P, (_P,)),
    "cocos_agent_connect": (c_int, (_P, c_int64, _P, _OUT, _OUT)),
    "cocos_agent_describe": (c_int, (_P, _P, c_int64, _P, _OUT, _OUT)),
    "cocos_agent_download": (
        c_int,
        (_P, c_uint32, _S, _P, PROGRESS_FN, _P, c_int64, _P, POINTER(c_uint64), _OUT),
    ),
    "cocos_agent_info_asset": (
        c_int,
        (_P, c_size_t, POINTER(c_int), POINTER(c_uint32), POINTER(c_uint64), POINTER(c_uint64), POINTER(c_int)),
    ),
    "cocos_agent_info_asset_count": (c_size_t, (_P,)),
    "cocos_agent_info_compat": (c_int, (_P,)),
    "cocos_agent_info_computation_id": (_S, (_P,)),
    "cocos_agent_info_free": (None, (_P,)),
    "cocos_agent_info_instance_id": (_P, (_P,)),
    "cocos_agent_info_manifest": (_P, (_P,)),
    "cocos_agent_info_manifest_digest": (_P, (_P,)),
    "cocos_agent_info_missing": (_S, (_P, c_size_t)),
    "cocos_agent_info_missing_count": (c_size_t, (_P,)),
    "cocos_agent_info_state": (_S, (_P,)),
    "cocos_agent_info_version": (_S, (_P,)),
    "cocos_agent_options_free": (None, (_P,)),
    "cocos_agent_options_new": (c_int, (_OUT, _OUT)),
    "cocos_agent_options_set_address": (c_int, (_P, _S, _OUT)),
    "cocos_agent_options_set_bundle": (c_int, (_P, _P, _OUT)),
    "cocos_agent_options_set_ca": (c_int, (_P, _P, c_size_t, _OUT)),
    "cocos_agent_options_set_client_cert": (c_int, (_P, _P, c_size_t, _P, c_size_t, _OUT)),
    "cocos_agent_options_set_insecure": (None, (_P, c_int)),
    "cocos_agent_options_set_insecure_no_attestation": (None, (_P, c_int)),
    "cocos_agent_options_set_manifest_digest": (None, (_P, _P)),
    "cocos_agent_options_set_pin": (c_int, (_P, _S, _OUT)),
    "cocos_agent_options_set_policy": (c_int, (_P, _P, _OUT)),
    "cocos_agent_statement": (c_int, (_P, _P, c_int64, _P, _OUT, _OUT)),
    "cocos_agent_testimony_approval": (_P, (_P, c_size_t)),
    "cocos_agent_testimony_approval_count": (c_size_t, (_P,)),
    "cocos_agent_testimony_closure": (_P, (_P,)),
    "cocos_agent_testimony_evidence": (_P, (_P, POINTER(c_size_t))),
    "cocos_agent_testimony_free": (None, (_P,)),
    "cocos_agent_testimony_statement": (_P, (_P,)),
    "cocos_agent_upload": (c_int, (_P, _P, _P, c_int64, _P, _OUT)),
    "cocos_agent_watch": (c_int, (_P, _P, c_uint64, AGENT_EVENT_FN, _P, c_int64, _P, _OUT)),
    "cocos_checksum": (c_int, (_S, _P, POINTER(c_uint64), _P, _OUT)),
    "cocos_manifest_find_dataset": (c_int, (_P, _P, _P, _S, POINTER(c_uint32), _OUT)),
    "cocos_upload_free": (None, (_P,)),
    "cocos_upload_new": (c_int, (c_int, c_uint32, _OUT, _OUT)),
    "cocos_upload_set_digest": (None, (_P, _P)),
    "cocos_upload_set_path": (c_int, (_P, _S, _OUT)),
    "cocos_upload_set_progress": (None, (_P, PROGRESS_FN, _P)),
    # enclave.h
    "cocos_enclave_console": (c_int, (_P, _S, c_int, ENCLAVE_CONSOLE_FN, _P, c_int64, _P, _OUT)),
    "cocos_enclave_create": (c_int, (_P, _P, c_int64, _P, _OUT, _OUT)),
    "cocos_enclave_destroy": (c_int, (_P, _S, c_int64, _P, _OUT, _OUT)),
    "cocos_enclave_get": (c_int, (_P, _S, c_int64, _P, _OUT, _OUT)),
    "cocos_enclave_info_free": (None, (_P,)),
    "cocos_enclave_info_json": (c_int, (_P, _OUT, _OUT)),
    "cocos_enclave_info_number": (c_int64, (_P, _S)),
    "cocos_enclave_info_text": (_S, (_P, _S)),
    "cocos_enclave_list_at": (_P, (_P, c_size_t)),
    "cocos_enclave_list_count": (c_size_t, (_P,)),
    "cocos_enclave_list_free": (None, (_P,)),
    "cocos_enclave_list_get": (c_int, (_P, c_int64, _P, _OUT, _OUT)),
    "cocos_enclave_spec_free": (None, (_P,)),
    "cocos_enclave_spec_new": (c_int, (_OUT, _OUT)),
    "cocos_enclave_spec_set": (c_int, (_P, _S, _S, _OUT)),
    "cocos_enclave_watch": (c_int, (_P, _S, c_uint64, ENCLAVE_EVENT_FN, _P, c_int64, _P, _OUT)),
    "cocos_host_close": (None, (_P,)),
    "cocos_host_open": (c_int, (_P, c_int64, _P, _OUT, _OUT)),
    "cocos_host_options_free": (None, (_P,)),
    "cocos_host_options_new": (c_int, (_OUT, _OUT)),
    "cocos_host_options_set": (c_int, (_P, _S, _S, _OUT)),
    # case.h
    "cocos_approval_cbor": (_P, (_P, POINTER(c_size_t))),
    "cocos_approval_free": (None, (_P,)),
    "cocos_approval_is_withdrawal": (c_int, (_P,)),
    "cocos_approval_manifest_digest": (_P, (_P,)),
    "cocos_approval_options_free": (None, (_P,)),
    "cocos_approval_options_new": (c_int, (_OUT, _OUT)),
    "cocos_approval_options_set": (c_int, (_P, _S, _S, _OUT)),
    "cocos_approval_parse": (c_int, (_P, c_size_t, _OUT, _OUT)),
    "cocos_approval_role": (_S, (_P,)),
    "cocos_approval_sign": (c_int, (_P, _P, _P, _OUT, _OUT)),
    "cocos_approval_signer": (_P, (_P,)),
    "cocos_approval_to_json": (c_int, (_P, _OUT, _OUT)),
    "cocos_approval_verify": (c_int, (_P, _P, _OUT)),
    "cocos_case_add_approval": (c_int, (_P, _P, c_size_t, _OUT)),
    "cocos_case_add_collateral": (c_int, (_P, c_int, _P, c_size_t, _OUT)),
    "cocos_case_anchor": (c_int, (_P, _P, c_size_t, _OUT)),
    "cocos_case_anchor_request": (c_int, (_P, _OUT, POINTER(c_size_t), _OUT)),
    "cocos_case_approval": (_P, (_P, c_size_t)),
    "cocos_case_approval_count": (c_size_t, (_P,)),
    "cocos_case_cbor": (c_int, (_P, _OUT, POINTER(c_size_t), _OUT)),
    "cocos_case_closure": (_P, (_P,)),
    "cocos_case_explain": (c_int, (_P, _P, _OUT, _OUT)),
    "cocos_case_explain_json": (c_int, (_P, _P, _OUT, _OUT)),
    "cocos_case_free": (None, (_P,)),
    "cocos_case_manifest": (_P, (_P,)),
    "cocos_case_new": (c_int, (_P, _P, c_size_t, _P, c_size_t, _OUT, _OUT)),
    "cocos_case_parse": (c_int, (_P, c_size_t, _OUT, _OUT)),
    "cocos_case_set_closure": (c_int, (_P, _P, c_size_t, _OUT)),
    "cocos_case_statement": (_P, (_P,)),
    "cocos_case_terms_add_tsa_root": (c_int, (_P, _P, c_size_t, _OUT)),
    "cocos_case_terms_free": (None, (_P,)),
    "cocos_case_terms_new": (c_int, (_OUT, _OUT)),
    "cocos_case_terms_set_result": (c_int, (_P, _P, c_uint64, _OUT)),
    "cocos_case_terms_set_time": (c_int, (_P, c_int64, _OUT)),
    "cocos_case_verify": (c_int, (_P, _P, _P, _OUT, _OUT)),
    "cocos_closure_cbor": (_P, (_P, POINTER(c_size_t))),
    "cocos_closure_free": (None, (_P,)),
    "cocos_closure_parse": (c_int, (_P, c_size_t, _OUT, _OUT)),
    "cocos_closure_to_json": (c_int, (_P, _OUT, _OUT)),
    "cocos_statement_cbor": (_P, (_P, POINTER(c_size_t))),
    "cocos_statement_free": (None, (_P,)),
    "cocos_statement_parse": (c_int, (_P, c_size_t, _OUT, _OUT)),
    "cocos_statement_result_digest": (_P, (_P,)),
    "cocos_statement_result_size": (c_uint64, (_P,)),
    "cocos_statement_to_json": (c_int, (_P, _OUT, _OUT)),
    # policy.h
    "cocos_policy_add": (c_int, (_P, _S, _S, _OUT)),
    "cocos_policy_add_pcrs": (c_int, (_P, _S, c_size_t, _OUT)),
    "cocos_policy_add_root": (c_int, (_P, _P, c_size_t, _OUT)),
    "cocos_policy_explain": (c_int, (_P, _OUT, _OUT)),
    "cocos_policy_explain_json": (c_int, (_P, _OUT, _OUT)),
    "cocos_policy_free": (None, (_P,)),
    "cocos_policy_from_json": (c_int, (_S, c_size_t, _OUT, _OUT)),
    "cocos_policy_new": (c_int, (_OUT, _OUT)),
    "cocos_policy_set": (c_int, (_P, _S, _S, _OUT)),
    "cocos_policy_set_bytes": (c_int, (_P, _S, _P, c_size_t, _OUT)),
    "cocos_policy_to_json": (c_int, (_P, _OUT, _OUT)),
    # verifier.h
    "cocos_evidence_data": (_P, (_P, POINTER(c_size_t))),
    "cocos_evidence_add": (c_int, (_P, c_int, _P, c_size_t, _OUT)),
    "cocos_evidence_claim": (c_int, (_P, c_int, _OUT, POINTER(c_size_t), _OUT)),
    "cocos_evidence_expect": (c_int, (_P, c_int, _P, c_size_t, _OUT)),
    "cocos_evidence_find": (c_int, (_P, c_char_p, _OUT, POINTER(c_size_t), _OUT)),
    "cocos_evidence_free": (None, (_P,)),
    "cocos_evidence_kind": (c_int, (_P,)),
    "cocos_evidence_new": (c_int, (c_int, _P, c_size_t, _OUT, _OUT)),
    "cocos_evidence_to_json": (c_int, (_P, _OUT, _OUT)),
    "cocos_evidence_to_table": (c_int, (_P, _OUT, _OUT)),
    "cocos_verdict_free": (None, (_P,)),
    "cocos_verdict_judgement": (c_int, (_P,)),
    "cocos_verdict_of_error": (_P, (_P,)),
    "cocos_verdict_reason": (_S, (_P,)),
    "cocos_verdict_row_count": (c_size_t, (_P,)),
    "cocos_verdict_row_outcome": (c_int, (_P, c_size_t)),
    "cocos_verdict_row_text": (_S, (_P, c_size_t, c_int)),
    "cocos_verdict_simulated": (c_int, (_P,)),
    "cocos_verdict_to_json": (c_int, (_P, _OUT, _OUT)),
    "cocos_verdict_to_table": (c_int, (_P, _OUT, _OUT)),
    "cocos_verifier_free": (None, (_P,)),
    "cocos_verifier_keep_chain": (c_int, (_P, _P, _OUT)),
    "cocos_verifier_new": (c_int, (_P, _OUT, _OUT)),
    "cocos_verifier_verify": (c_int, (_P, _P, c_int64, c_int, _OUT, _OUT)),
}

# Public symbols that Python does not bind, each with the reason.
NOT_BOUND: dict[str, str] = {
    "cocos_upload_set_reader": "Python uploads files and directories; a read that waits could not be left",
    "cocos_log_set": "its callback comes from any thread, also while the interpreter ends",
    # Fetching is for a machine with network and cache, by 'cocos collateral bundle'; a judge is given the bundle.
    "cocos_case_anchor_fetch": "fetching, see above",
    "cocos_collateral_fetch": "fetching, see above",
    "cocos_collateral_options_add_root": "fetching, see above",
    "cocos_collateral_options_free": "fetching, see above",
    "cocos_collateral_options_new": "fetching, see above",
    "cocos_collateral_options_set": "fetching, see above",
}
# The same for all symbols of a header.
NOT_BOUND_HEADERS: dict[str, str] = {
    "agent.h": "the serving side, which runs in the guest",
    "manager.h": "the serving side, which runs on the host",
    "cvms.h": "a development server",
    "measure.h": "for those who build images, by 'cocos measure' and 'cocos policy new'",
}


def _open() -> ctypes.CDLL:
    name = os.environ.get("COCOS_LIBRARY") or SONAME
    try:
        return ctypes.CDLL(name)
    except OSError as e:
        raise ImportError(
            f"{name} could not be opened: {e}. Install the package libcocos0, or name the library in COCOS_LIBRARY."
        ) from e


def _bind(library: ctypes.CDLL) -> None:
    for name, (result, parameters) in SIGNATURES.items():
        try:
            function = getattr(library, name)
        except AttributeError as e:
            raise ImportError(f"{library._name} lacks {name}: it is older than these bindings") from e
        function.restype = result
        function.argtypes = parameters


lib = _open()
_bind(lib)
