#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stock grpcurl lists, describes and calls our server, by Unix socket and by TLS.

grpcurl is taken from $GRPCURL or PATH, else built from the Go module proxy in a temporary folder
when $COCOS_TEST_NETWORK is 1; without it the test is skipped."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

BUILD = pathlib.Path(os.environ.get("COCOS_BUILD_ROOT", "build")).resolve()
MODULE = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.8.9"


def find_grpcurl(folder):
    found = os.environ.get("GRPCURL") or shutil.which("grpcurl")
    if found or os.environ.get("COCOS_TEST_NETWORK") != "1" or not shutil.which("go"):
        return found
    env = dict(os.environ, GOPATH=f"{folder}/go", GOCACHE=f"{folder}/cache", GOBIN=folder,
               GOFLAGS="-modcacherw")
    done = subprocess.run(["go", "install", MODULE], env=env, capture_output=True, timeout=500)
    return f"{folder}/grpcurl" if done.returncode == 0 else None


def run(*args):
    done = subprocess.run(args, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def check(grpcurl, options, address):
    def call(*args, data=None):
        more = ["-d", data] if data else []
        return run(grpcurl, *options, *more, address, *args)

    def must(*args, data=None):
        code, out, err = call(*args, data=data)
        assert code == 0, err
        return out

    assert must("list").split() == [
        "cocos.v1.Agent", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection"]
    assert "cocos.v1.Agent.Describe" in must("list", "cocos.v1.Agent")
    assert "rpc Upload ( stream .cocos.v1.UploadRequest )" in must("describe", "cocos.v1.Agent")
    assert "bytes instance_id = 1" in must("describe", "cocos.v1.DescribeResponse")
    assert "REQUIREMENTS = 3" in must("describe", "cocos.v1.AssetKind")
    assert "google.protobuf.Timestamp" in must("describe", "cvms.AgentEvent")
    assert json.loads(must("cocos.v1.Agent/Describe")) == {"state": "ReceivingManifest"}
    health = must("grpc.health.v1.Health/Check", data='{"service": "agent"}')
    assert json.loads(health) == {"status": "SERVING"}
    refusals(call)


def refusals(call):
    code, _, err = call("grpc.health.v1.Health/Check", data='{"service": "x"}')
    assert code != 0 and "NotFound" in err
    code, _, err = call("cocos.v1.Agent/Attest")
    assert code != 0 and "InvalidArgument" in err
    code, _, err = call("describe", "no.such.Thing")
    assert code != 0, "a symbol that does not exist was described"


@pytest.fixture(scope="module")
def grpcurl(tmp_path_factory):
    found = find_grpcurl(tmp_path_factory.mktemp("grpcurl"))
    if not found:
        pytest.skip("no grpcurl (set GRPCURL, or COCOS_TEST_NETWORK=1 to build it)")
    return found


@pytest.fixture
def server(tmp_path):
    path = str(tmp_path / "socket")
    program = BUILD / "tests/integration/rpc-serve"
    with subprocess.Popen([program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        process.stdout.readline()
        yield path, process.stdout.readline().strip()
        process.stdin.close()
        assert process.wait(timeout=20) == 0
    assert not os.path.exists(path)


def test_lists_describes_and_calls_by_unix_socket(grpcurl, server):
    check(grpcurl, ["-plaintext", "-unix"], server[0])


def test_lists_describes_and_calls_by_tls(grpcurl, server):
    check(grpcurl, ["-insecure"], server[1])
