# SPDX-License-Identifier: Apache-2.0
"""Every public function of the headers is bound with its signature, or listed as not bound."""

from __future__ import annotations


import pathlib
import re
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

import pytest

from cocos import _library

INCLUDE = pathlib.Path(__file__).resolve().parents[3] / "include" / "cocos"
CALLBACKS = {
    "cocos_progress_fn": _library.PROGRESS_FN,
    "cocos_agent_event_fn": _library.AGENT_EVENT_FN,
    "cocos_enclave_event_fn": _library.ENCLAVE_EVENT_FN,
    "cocos_enclave_console_fn": _library.ENCLAVE_CONSOLE_FN,
}
SCALARS: dict[str, Any] = {"int": c_int, "int64_t": c_int64, "uint64_t": c_uint64, "uint32_t": c_uint32, "size_t": c_size_t}


def ctype(c: str, is_result: bool = False) -> Any:
    """The ctypes type that stands for a C type, as _library.py writes it."""
    const = bool(re.search(r"\bconst\b", c))
    stars = c.count("*") + ("[" in c)
    base = re.sub(r"\bconst\b|\[.*\]|\*", " ", c).split()[0]
    if base == "void" and stars == 0:
        return None
    if stars == 0:
        return CALLBACKS.get(base) or SCALARS.get(base, base)  # a type that nothing bound uses stays a name
    if base == "char" and stars == 1:
        return c_char_p if const else c_void_p
    if stars == 2:
        return POINTER(c_void_p)
    return POINTER(SCALARS[base]) if base in SCALARS and not const else c_void_p


def declared(text: str) -> dict[str, tuple[Any, tuple[Any, ...]]]:
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    found = {}
    for m in re.finditer(r"COCOS_API\s+(?:COCOS_NODISCARD\s+)?([^;{}]*?)\b(cocos_\w+)\s*\(([^;]*)\)\s*;", text):
        result, name, parameters = m.groups()
        items = [p.strip() for p in parameters.split(",")] if parameters.strip() != "void" else []
        found[name] = (ctype(result + " ", True), tuple(ctype(p) for p in items))
    return found


HEADERS = sorted(INCLUDE.glob("*.h"))
DECLARED = {h.name: declared(h.read_text()) for h in HEADERS}


@pytest.mark.parametrize("header", [h for h in DECLARED if h not in _library.NOT_BOUND_HEADERS])
def test_every_function_is_bound_or_listed(header: str) -> None:
    missing = set(DECLARED[header]) - set(_library.SIGNATURES) - set(_library.NOT_BOUND)
    assert missing == set()


def test_every_signature_is_that_of_the_header() -> None:
    everything = {n: s for functions in DECLARED.values() for n, s in functions.items()}
    for name, signature in _library.SIGNATURES.items():
        assert everything[name] == signature, name


def test_nothing_is_listed_that_does_not_exist() -> None:
    everything = {n for functions in DECLARED.values() for n in functions}
    assert set(_library.NOT_BOUND) <= everything
    assert set(_library.SIGNATURES) <= everything
    assert not set(_library.NOT_BOUND) & set(_library.SIGNATURES)


@pytest.mark.parametrize("name", sorted(CALLBACKS))
def test_every_callback_is_that_of_the_header(name: str) -> None:
    text = re.sub(r"/\*.*?\*/", " ", "".join(h.read_text() for h in HEADERS), flags=re.S)
    m = re.search(r"typedef\s+(\w+)\s*\(\*" + name + r"\)\s*\(([^;]*)\)\s*;", text)
    assert m is not None
    wanted = [ctype(p.replace("void *user", "cocos_x *user")) for p in m.group(2).split(",")]
    assert CALLBACKS[name]._restype_ == ctype(m.group(1) + " ")  # type: ignore[attr-defined]
    assert list(CALLBACKS[name]._argtypes_) == wanted  # type: ignore[attr-defined]


def test_the_library_is_opened_by_its_soname() -> None:
    assert _library.SONAME == "libcocos.so.0"
