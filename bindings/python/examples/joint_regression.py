# SPDX-License-Identifier: Apache-2.0
"""One computation from Python: two hospitals' data, one algorithm, one result, in an enclave of its own.

The computation-management server (e.g. cocos-cvms) serves the manifest; the manager starts the enclave.

    python3 joint_regression.py --server-url 192.0.2.1:7001 --algorithm train --algorithm-key alice/private.pem \\
        --data a.csv=a/private.pem --data b.csv=b/private.pem --consumer-key c/private.pem --result result.zip
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import time

import cocos

DONE = {"ConsumingResults", "Complete", "Failed"}


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description="run the joint regression in an enclave")
    p.add_argument("--manager", help="address of the manager (default: its Unix socket)")
    p.add_argument("--server-url", required=True, help="the computation-management server that serves the manifest")
    p.add_argument("--server-ca", type=pathlib.Path, help="its roots, PEM")
    p.add_argument("--policy", required=True, help="which evidence of the agent is accepted")
    p.add_argument("--manifest", required=True, help="the manifest that all parties mean")
    p.add_argument("--platform", help="kind of virtual machine")
    p.add_argument("--algorithm", required=True)
    p.add_argument("--algorithm-key", required=True)
    p.add_argument("--data", action="append", default=[], metavar="PATH=KEY", help="a data set and its owner's key")
    p.add_argument("--consumer-key", required=True)
    p.add_argument("--result", default="result.zip")
    return p.parse_args()


def upload(agent: cocos.Agent, kind: cocos.AssetKind, path: str, key_path: str) -> None:
    """What an owner does: look at the manifest first, send only what it names."""
    with cocos.Key.from_file(key_path) as key:
        manifest = agent.describe(key).manifest
        if manifest is None:
            raise SystemExit(f"{key_path} is no key of a party of this computation")
        digest = cocos.checksum(path).digest
        index = manifest.find_dataset(digest, key, path) if kind == cocos.AssetKind.DATASET else 0
        if manifest.asset_digest(kind, index) != digest:
            raise SystemExit(f"{path} is not what the manifest names")
        agent.upload(kind, path, key, index=index, digest=digest)
        print(f"sent {path} as {kind.name.lower()} {index}", file=sys.stderr)


def wait_for_manifest(agent: cocos.Agent) -> None:
    """The agent fetches its manifest after it has come up."""
    for _ in range(600):
        if agent.describe().computation_id:
            return
        time.sleep(0.1)
    raise SystemExit("the agent got no manifest within a minute")


def main() -> None:
    a = arguments()
    server_ca = a.server_ca.read_bytes() if a.server_ca else None
    policy, digest = cocos.Policy.from_file(a.policy), cocos.Manifest.from_file(a.manifest).digest
    start = {"server_url": a.server_url, "server_ca": server_ca, "platform": a.platform}
    with cocos.Host.manager(a.manager) as host, host.create(**start) as vm:
        print(f"enclave {vm.id} at {vm.address}", file=sys.stderr)
        trust = {"policy": policy, "manifest_digest": digest}
        with cocos.Agent.connect(vm.address, **trust) as agent, cocos.Key.from_file(a.consumer_key) as consumer:
            wait_for_manifest(agent)
            upload(agent, cocos.AssetKind.ALGORITHM, a.algorithm, a.algorithm_key)
            for item in a.data:
                path, _, key_path = item.rpartition("=")
                upload(agent, cocos.AssetKind.DATASET, path, key_path)
            for event in agent.watch(consumer, timeout=600):
                print(f"{event.state}: {event.what}", file=sys.stderr)
                if event.state in DONE:
                    break
            size = agent.result(a.result, consumer, timeout=600)
    print(f"{a.result}: {size} bytes")


if __name__ == "__main__":
    main()
