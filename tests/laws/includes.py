#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds every #include line against the module table of doc/architecture.md."""

import pathlib
import re
import sys

# module: modules it may use (transitive, like the table says)
USES = {
    "base": [],
    "codec": ["base"],
    "crypto": ["base", "codec"],
    "snp": ["base", "codec", "crypto"],
    "tdx": ["base", "codec", "crypto"],
    "vtpm": ["base", "codec", "crypto"],
    "measure": ["vtpm"],
    "attest": ["base", "codec", "crypto", "snp", "tdx", "vtpm", "measure"],
    "manifest": ["base", "codec", "crypto", "attest"],
    "collateral": ["attest"],
    "transport": ["base", "crypto", "attest"],
    "rpc": ["base", "codec", "transport"],
    "compute": ["rpc", "manifest", "collateral"],
    "enclave": ["rpc", "transport"],
    "evidence": ["base", "crypto", "attest"],
    "agent": ["compute", "evidence"],
    "manager": ["enclave", "rpc", "attest"],
    "cvms": ["rpc", "manifest", "collateral"],
}

# external header (regular expression): modules that may include it
OWNED = {
    r"cbor\.h|cbor/": ["codec"],
    r"jansson\.h": ["codec"],
    r"openssl/ssl\.h": ["transport"],
    r"openssl/": ["crypto", "transport"],
    r"grpc/": ["rpc"],
    r"curl/": ["collateral"],
    r"zip\.h": ["compute"],
    r"libvirt/": ["enclave"],
    r"libxml/": ["enclave"],
    r"tss2/": ["evidence"],
    r"seccomp\.h": ["agent"],
    r"protobuf-c/|.*\.pb-c\.h": ["rpc", "compute", "enclave", "agent", "manager", "cvms"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def reachable(module):
    seen, todo = set(), [module]
    while todo:
        m = todo.pop()
        if m not in seen:
            seen.add(m)
            todo += USES[m]
    return seen


def owner_fault(module, header):
    for pattern, owners in OWNED.items():
        if re.match(pattern, header):
            return None if module in owners else f"only {', '.join(owners)} may include <{header}>"
    return None


def module_faults(path, module, text):
    allowed = reachable(module)
    for kind, header in INCLUDE.findall(text):
        first = header.split("/")[0]
        if kind == "<":
            fault = owner_fault(module, header)
        elif header.endswith(".pb-c.h"):
            fault = owner_fault(module, header)
        elif first in USES and "/" in header:
            fault = None if first in allowed else f"{module} may not use {first}"
        else:
            fault = None if (path.parent / header).exists() else f'"{header}" names no module'
        if fault:
            yield fault


def tool_faults(text):
    for kind, header in INCLUDE.findall(text):
        if kind == '"' and header.split("/")[0] in USES and "/" in header:
            yield f'programs include only <cocos/...>, not "{header}"'


def public_faults(text):
    for _, header in INCLUDE.findall(text):
        if not header.startswith("cocos/") and header not in ("stddef.h", "stdint.h"):
            yield f"public headers need no other library's headers: <{header}>"


def faults(root):
    lib = root / "libcocos"
    for path in sorted(lib.rglob("*.[ch]")):
        module = path.relative_to(lib).parts[0]
        if module not in USES:
            yield path, "folder is no module of the table"
            continue
        for fault in module_faults(path, module, path.read_text()):
            yield path, fault
    for path in sorted((root / "tools").rglob("*.[ch]")):
        for fault in tool_faults(path.read_text()):
            yield path, fault
    for path in sorted((root / "include").rglob("*.h")):
        for fault in public_faults(path.read_text()):
            yield path, fault


def main():
    root = pathlib.Path.cwd()
    table = (root / "doc/architecture.md").read_text()
    found = list(faults(root))
    found += [("doc/architecture.md", f"module {m} is missing") for m in USES
              if (root / "libcocos" / m).glob("*.c") and any((root / "libcocos" / m).glob("*.c"))
              and f"`{m}`" not in table]
    for path, fault in found:
        print(f"{path}: {fault}")
    print(f"{len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
