# SPDX-License-Identifier: Apache-2.0
"""cocos collateral against a server that plays AMD's and Intel's services, faults included; and bundles before the judge."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import time

import pytest

from cli import COCOS, MODULES, check, fails, run, run_json
from collateral_service import CUT, HANG, Service, World, decode, encode, make_ca, raw
from world import until

SPL = "blSPL=04&teeSPL=01&snpSPL=24&ucodeSPL=219"
CHAIN, CRL = "/vcek/v1/Milan/cert_chain", "/vcek/v1/Milan/crl"
VCEK = f"/vcek/v1/Milan/{'c1' * 64}?{SPL}"
TCB, QE = "/tdx/certification/v4/tcb?fmspc=00806f050000", "/tdx/certification/v4/qe/identity"
PCK_CRL, ROOT_CRL = "/sgx/certification/v4/pckcrl?ca=platform&encoding=der", "/sgx/certification/v4/rootcacrl"
MILAN, INTEL = [CHAIN, VCEK, CRL], [TCB, QE, PCK_CRL, ROOT_CRL]
PART = {"certificates": 1, "crl": 3, "tcb-info": 4, "qe-identity": 5, "tcb-chain": 6}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture
def service(world):
    s = Service(world.answers)
    yield s
    s.close()


class Fetch:
    """cocos collateral bundle with a cache and services of its own."""

    def __init__(self, world, url, folder):
        self.world, self.url, self.cache, self.out = world, url, folder / "cache", folder / "out.bundle"

    def args(self, name, *more):
        return ["collateral", "bundle", self.world.folder / f"{name}.bin", "-o", self.out, "--kds", self.url, "--pcs", self.url,
                "--cache", self.cache, "--root", self.world.folder / "roots.pem", *more]

    def run(self, name, *more, **options):
        return run(*self.args(name, *more), env=MODULES | options.pop("env", {}), **options)

    def good(self, name="milan", *more, **options):
        done = self.run(name, "--json", *more, **options)
        assert done.returncode == 0, done
        return check(json.loads(done.stdout), "collateral bundle")

    def refused(self, exit_code, code, name="milan", *more, **options):
        """Nothing is left behind where the bundle would be, and the error says why."""
        done = self.run(name, "--json", *more, **options)
        error = check(json.loads(done.stdout), "error")["error"]
        assert (done.returncode, error["code"]) == (exit_code, code), (done, error)
        assert [p.name for p in self.out.parent.iterdir() if p.name.startswith("out.bundle")] == []
        return error

    def entry(self, path):
        """The cache's file for a path of the service."""
        for file in self.cache.iterdir():
            if decode(file.read_bytes())[0][2] == self.url + path:
                return file
        return None


@pytest.fixture
def fetch(world, service, tmp_path):
    return Fetch(world, service.url, tmp_path)


@pytest.fixture(scope="module")
def policies(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("policies")
    for kind, product, rules in (("snp", "any", ["--covered-by", "snp.measurement", "--set", "snp.report_data=" + "d1" * 64]),
                                 ("tdx", "any", ["--covered-by", "any", "--set", "tdx.report_data=" + "d1" * 64])):
        done = run("policy", "new", kind, "--product", product, "--measurement", "a1" * 48, *rules, "--root",
                   world.folder / "roots.pem")
        assert done.returncode == 0, done.stderr
        (folder / f"{kind}.json").write_bytes(done.stdout)
    return folder


@pytest.fixture
def judge(world, policies, tmp_path):
    """The verdict over evidence and a bundle, given as a file or as what it decodes to. There is no network for it."""
    def verify(exit_code, name, bundle, *more):
        if isinstance(bundle, dict):
            (tmp_path / "made.bundle").write_bytes(encode(bundle))
            bundle = tmp_path / "made.bundle"
        done = run("evidence", "verify", "--json", world.folder / f"{name}.bin", "--policy", policies / f"{kind_of(name)}.json",
                   *(["--bundle", bundle] if bundle else []), *more, env={"COCOS_MODULE_DIR": "/nonexistent"})
        assert done.returncode == exit_code, (done.stdout.decode(), done.stderr.decode())
        return check(json.loads(done.stdout), "evidence verify")
    return verify


def kind_of(name):
    return "tdx" if name.startswith("tdx") else "snp"


def row(verdict, name):
    return next(r for r in verdict["checks"] if r["check"] == name)


def bundle_of(fetch, name):
    """What a good bundle decodes to, to be changed."""
    fetch.good(name)
    value, end = decode(fetch.out.read_bytes())
    assert encode(value) == fetch.out.read_bytes() and end == len(fetch.out.read_bytes())
    return value


def replaced(bundle, part, match, data):
    """The bundle with other data in the one item of this part whose source matches."""
    items = [i for i in bundle[4] if i[1] == PART[part] and re.search(match, i[3])]
    assert len(items) == 1
    return bundle | {4: [i | {2: data} if i is items[0] else i for i in bundle[4]]}


# ---- what is asked for ----

@pytest.mark.parametrize("name, paths, subject", [
    ("milan", MILAN, "SEV-SNP Milan, VCEK, chip c1c1c1c1c1c1c1c1..., TCB db18000000000104"),
    ("turin", ["/vcek/v1/Turin/cert_chain", f"/vcek/v1/Turin/{'c4' * 8}?fmcSPL=02&{SPL}", "/vcek/v1/Turin/crl"],
     "SEV-SNP Turin, VCEK, chip c4c4c4c4c4c4c4c4..., TCB db00000018010402"),
    ("turin-2", ["/vcek/v1/Turin/cert_chain", f"/vcek/v1/Turin/{'c5' * 8}?fmcSPL=02&{SPL}", "/vcek/v1/Turin/crl"],
     "SEV-SNP Turin, VCEK, chip c5c5c5c5c5c5c5c5..., TCB db00000018010402"),
    # Version 2 does not say whether it is Milan or Genoa: the service that knows the chip tells.
    ("genoa-2", [CHAIN, f"/vcek/v1/Milan/{'c3' * 64}?{SPL}", "/vcek/v1/Genoa/cert_chain",
                 f"/vcek/v1/Genoa/{'c3' * 64}?{SPL}", "/vcek/v1/Genoa/crl"],
     "SEV-SNP Genoa, VCEK, chip c3c3c3c3c3c3c3c3..., TCB db18000000000104"),
    ("vlek", ["/vlek/v1/Milan/cert_chain", "/vlek/v1/Milan/crl"],
     "SEV-SNP Milan, VLEK, chip c1c1c1c1c1c1c1c1..., TCB db18000000000104"),
    ("tdx", INTEL, "TDX, FMSPC 00806f050000, PCK of the platform CA"),
    ("tdx-processor", [TCB, QE, PCK_CRL.replace("platform", "processor"), ROOT_CRL],
     "TDX, FMSPC 00806f050000, PCK of the processor CA"),
])
def test_it_asks_for_what_the_evidence_needs_and_with_that_it_is_accepted(fetch, service, judge, name, paths, subject):
    assert judge(4, name, None)["verdict"] == "undecided"
    made = fetch.good(name)
    assert service.asks() == paths
    assert (made["subject"], made["kind"], made["file"]) == (subject, kind_of(name), str(fetch.out))
    assert {i["source"] for i in made["items"]} == {service.url + p for p in paths if f"Milan/{'c3' * 64}" not in p} - (
        {service.url + CHAIN} if name == "genoa-2" else set())
    assert run_json("collateral show", "collateral", "show", fetch.out) == {k: made[k] for k in ("kind", "subject", "items")}
    verdict = judge(0, name, fetch.out)
    assert (verdict["verdict"], verdict["simulated"]) == ("accepted", True)
    # A year and a day later nothing of it holds.
    assert judge(3, name, fetch.out, "--at", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 366 * 86400)))


def test_the_list_of_what_it_holds_can_be_read(fetch):
    fetch.good()
    lines = run("collateral", "show", fetch.out).stdout.decode().splitlines()
    assert lines[0].startswith("SEV-SNP Milan, VCEK") and len(lines) == 4
    assert all(re.fullmatch(r"[a-z-]+ +\d+ B  until 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ  http://\S+", line) for line in lines[1:])


def test_a_bundle_is_told_apart_from_evidence(fetch):
    fetch.good("tdx")
    assert "cocos collateral show" in fails(4, "evidence.kind", "evidence", "show", fetch.out)["message"]


@pytest.mark.parametrize("name, why", [("vlek-alone", "provider"), ("masked", "CHIP_ID is masked")])
def test_evidence_that_lacks_what_only_others_have_is_not_helped(fetch, service, name, why):
    assert why in fetch.refused(4, "collateral.evidence", name)["message"]
    assert service.asks() == []


def test_cut_and_foreign_evidence_is_refused(fetch, world, tmp_path):
    for name, data, code in (("cut-report", world.read("milan.bin")[:1000], "collateral.evidence"),
                             ("cut-quote", world.read("tdx.bin")[:1000], "tdx.format")):
        (tmp_path / "cut").write_bytes(data)
        done = run("collateral", "bundle", tmp_path / "cut", "-o", fetch.out, "--json", env=MODULES)
        assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (4, code), (name, done)
    (tmp_path / "text").write_text("no evidence")
    fails(4, "evidence.kind", "collateral", "bundle", tmp_path / "text", "-o", fetch.out)
    fails(4, "collateral.kind", "collateral", "bundle", "--kind", "vtpm", tmp_path / "text", "-o", fetch.out)


def test_certificates_that_came_along_are_not_fetched(fetch, service, world, judge):
    vcek = world.folder / "milan.vcek"
    fetch.good("milan", "--cert", vcek)
    assert service.asks() == [CHAIN, CRL]
    assert judge(0, "milan", fetch.out, "--cert", vcek)
    assert judge(4, "milan", fetch.out)


def test_a_certificate_from_before_an_update_is_no_use(fetch, service, world, judge):
    old = world.folder / "stale.vcek"
    fetch.good("milan", "--cert", old)
    assert service.asks() == MILAN
    assert judge(0, "milan", fetch.out, "--cert", old)
    assert judge(4, "milan", None, "--cert", old)["reason"] == "snp.cert_chain"


def test_the_list_of_the_root_can_come_from_elsewhere(fetch, service):
    fetch.good("tdx", "--root-crl", service.url + "/IntelSGXRootCA.der")
    assert service.asks() == [*INTEL[:3], "/IntelSGXRootCA.der"]


def test_without_roots_of_ones_own_only_the_vendors_count(fetch, service, world):
    args = ["-o", fetch.out, "--kds", service.url, "--pcs", service.url, "--cache", "", "--json"]
    for name, code in (("milan", "collateral.wrong"), ("tdx", "collateral.evidence")):
        done = run("collateral", "bundle", world.folder / f"{name}.bin", *args, env=MODULES)
        assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (4, code), done


# ---- the cache ----

def test_what_was_fetched_once_is_not_fetched_again(fetch, service):
    first = fetch.good()
    bytes_ = fetch.out.read_bytes()
    assert len(service.asks()) == 3
    assert fetch.good() == first and fetch.out.read_bytes() == bytes_ and service.asks() == []
    service.close()
    assert fetch.good("milan", "--offline") == first


def test_only_its_owner_can_read_the_cache_and_nothing_else_is_in_it(fetch):
    fetch.good("tdx")
    files = list(fetch.cache.iterdir())
    assert len(files) == 4 and all(re.fullmatch(r"[0-9a-f]{64}\.cbor", f.name) for f in files)
    assert {stat.S_IMODE(f.stat().st_mode) for f in files} == {0o600}
    assert stat.S_IMODE(fetch.cache.stat().st_mode) == 0o700


def test_the_cache_is_where_the_user_has_such_things(world, service, tmp_path):
    args = ["collateral", "bundle", world.folder / "milan.bin", "-o", tmp_path / "b", "--kds", service.url, "--root",
            world.folder / "roots.pem"]
    for env, place in (({"XDG_CACHE_HOME": str(tmp_path / "x")}, "x/cocos"), ({"HOME": str(tmp_path / "h")}, "h/.cache/cocos"),
                       ({"XDG_CACHE_HOME": "relative", "HOME": str(tmp_path / "g")}, "g/.cache/cocos")):
        assert run(*args, env=MODULES | env, cwd=tmp_path).returncode == 0
        assert len(list((tmp_path / place).iterdir())) == 3
    assert not (tmp_path / "relative").exists()


def test_offline_takes_nothing_but_the_cache(fetch, service):
    error = fetch.refused(1, "collateral.offline", "milan", "--offline")
    assert error["hint"] and service.asks() == []


@pytest.mark.parametrize("spoil", [
    lambda data: data[:-1], lambda data: b"", lambda data: data + b"\0", lambda data: os.urandom(len(data)),
    lambda data: encode(decode(data)[0] | {2: "http://127.0.0.1/other"}), lambda data: encode(decode(data)[0] | {1: 2}),
    lambda data: encode(decode(data)[0] | {4: b"\x30\x00"}), lambda data: encode(decode(data)[0] | {9: 0}),
    lambda data: encode(decode(data)[0] | {4: b"\0" * (1 << 21)}),
    lambda data: data[:-2000] + bytes([data[-2000] ^ 1]) + data[-1999:],
])
def test_a_spoilt_entry_is_noticed_and_fetched_anew(fetch, service, spoil):
    fetch.good()
    service.asks()
    entry = fetch.entry(CHAIN)
    good = entry.read_bytes()
    entry.write_bytes(spoil(good))
    assert b"cache" in fetch.run("milan", "-v", "-v").stderr
    assert service.asks() == [CHAIN]
    assert decode(entry.read_bytes())[0][4] == decode(good)[0][4]
    entry.write_bytes(spoil(good))
    fetch.out.unlink()
    fetch.refused(1, "collateral.offline", "milan", "--offline")


def test_an_entry_that_is_no_file_harms_nobody(fetch, service):
    fetch.good()
    service.asks()
    for make in (os.mkdir, os.mkfifo):
        entry = fetch.entry(CRL)
        entry.unlink()
        make(entry)
        fetch.good()
        assert service.asks() == [CRL]
        if entry.is_dir():
            entry.rmdir()
            fetch.good()
            service.asks()


def test_an_entry_of_another_chip_does_not_help(fetch, service):
    fetch.good()
    entry = fetch.entry(VCEK)
    other = fetch.url + VCEK.replace("c1" * 64, "c2" * 64)
    entry.write_bytes(encode(decode(entry.read_bytes())[0] | {2: other}))
    service.asks()
    fetch.good()
    assert service.asks() == [VCEK]


@pytest.mark.parametrize("name, renewed", [("milan", [CRL]), ("tdx", INTEL)])
def test_what_is_issued_anew_is_asked_for_again_after_a_day(fetch, service, name, renewed):
    fetch.good(name)
    service.asks()

    def age(seconds):
        for file in fetch.cache.iterdir():
            file.write_bytes(encode(decode(file.read_bytes())[0] | {3: int(time.time()) + seconds}))
    age(-86000)
    fetch.good(name)
    assert service.asks() == []
    for seconds in (-86500, 3600):  # a day old; from the future
        age(seconds)
        fetch.good(name)
        assert service.asks() == renewed
    # The old copy serves while the service does not.
    age(-86500)
    service.instead = {p: [raw(429, b"", "Retry-After: 3000")] for p in renewed}
    assert b"has to serve" in fetch.run(name, "-v", "-v").stderr
    assert service.asks() == renewed
    fetch.good(name, "--offline")
    # A copy does not hide that the service gives something wrong.
    service.instead = {renewed[-1]: [raw(200, b"nonsense")]}
    fetch.out.unlink()
    fetch.refused(4, "crl.form", name)
    service.close()
    fetch.good(name)


def test_a_place_that_cannot_be_written_costs_only_the_cache(fetch, service, tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", "/proc/cocos-cache", "/dev/full/x", ""):
        fetch.cache = place
        fetch.good()
        assert service.asks() == MILAN
    fetch.cache = tmp_path / "file"
    assert b"cannot be written" in fetch.run("milan", "-v", "-v").stderr


def test_a_full_disk_costs_only_the_cache(fetch, service, tmp_path):
    """Files of more than half a block cannot be written: the limit stands in for the disk."""
    done = subprocess.run(["sh", "-c", 'trap "" XFSZ; ulimit -f 0; exec "$@"', "sh", COCOS, *map(str, fetch.args("milan", "--json"))],
                          env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"} | MODULES,
                          capture_output=True, check=False, timeout=60)
    # Neither cache nor bundle fit: the bundle is what was asked for, so that fails.
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (5, "io.write"), done
    assert service.asks() == MILAN
    assert [p for p in fetch.cache.iterdir()] == [] and not list(tmp_path.glob("out.bundle*"))


# ---- services that are not well ----

def test_it_waits_as_long_as_it_is_told(fetch, service):
    service.instead = {CHAIN: [raw(429, b"", "Retry-After: 1")], CRL: [raw(503, b"<html>", "Retry-After: 1")]}
    began = time.monotonic()
    fetch.good()
    assert service.asks() == [CHAIN, CHAIN, VCEK, CRL, CRL] and time.monotonic() - began >= 1.9


def test_it_waits_without_being_told_how_long(fetch, service):
    service.instead = {CHAIN: [raw(429)]}
    fetch.good()
    assert service.asks()[:3] == [CHAIN, CHAIN, VCEK]


@pytest.mark.parametrize("status, headers, options", [
    (429, ["Retry-After: 121"], []), (503, ["Retry-After: 121"], []), (429, ["Retry-After: 2"], ["--patience", "1"]),
    (429, [], ["--patience", "0"]), (429, ["Retry-After: 9999999999"], []), (429, ["Retry-After: 5"], ["--timeout", "3s"]),
    (429, ["Retry-After: Fri, 31 Dec 2100 23:59:59 GMT"], []),
])
def test_patience_has_an_end(fetch, service, status, headers, options):
    service.instead = {CHAIN: [raw(status, b"", *headers)] * 9}
    began = time.monotonic()
    assert fetch.refused(1, "collateral.busy", "milan", *options)["hint"]
    assert service.asks() == [CHAIN] and time.monotonic() - began < 20


def test_patience_is_for_all_requests_together(fetch, service):
    service.instead = {CHAIN: [raw(429, b"", "Retry-After: 1")] * 2, VCEK: [raw(429, b"", "Retry-After: 1")]}
    fetch.refused(1, "collateral.busy", "milan", "--patience", "2")
    assert service.asks() == [CHAIN, CHAIN, CHAIN, VCEK]


@pytest.mark.parametrize("answer", [raw(502, b"oops"), CUT, b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"])
def test_a_passing_fault_is_tried_again(fetch, service, answer):
    service.instead = {VCEK: [answer]}
    fetch.good()
    assert service.asks() == [CHAIN, VCEK, VCEK, CRL]


@pytest.mark.parametrize("answer, exit_code, code, requests", [
    (raw(500), 5, "collateral.http", 3), (CUT, 5, "collateral.cut", 3),
    (raw(403), 5, "collateral.http", 1), (raw(404), 1, "collateral.none", 1), (raw(204), 5, "collateral.http", 1),
    (b"complete garbage, not HTTP\r\n\r\n" * 9, 5, "collateral.answer", 1),
    (b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n", 5, "collateral.answer", 1),
    (raw(200, b"<html>Log in</html>", "Content-Type: text/html; charset=utf-8"), 4, "collateral.type", 1),
    (raw(200, b"", "Content-Type: TEXT/HTML"), 4, "collateral.type", 1),
    (raw(200, b""), 4, "cert.form", 1), (raw(200, b"garbage" * 99), 4, "cert.form", 1),
    (raw(200, b"x" * 70000), 1, "collateral.size", 1),
    (raw(200, b"x" * 70000).replace(b"Content-Length: 70000\r\n", b""), 1, "collateral.size", 1),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"4000\r\n" + b"x" * 0x4000 + b"\r\n" + b"40000000\r\n"
     + b"x" * 70000, 1, "collateral.size", 1),
    (raw(200, b"", *[f"X-{i}: {'x' * 1000}" for i in range(300)]), 1, "collateral.size", 1),
])
def test_a_lasting_fault_is_told(fetch, service, answer, exit_code, code, requests):
    service.instead = {CHAIN: [answer] * 9}
    fetch.refused(exit_code, code)
    assert service.asks() == [CHAIN] * requests
    assert not fetch.cache.exists()


def test_a_silent_service_does_not_hold_it_forever(fetch, service):
    service.instead = {VCEK: [HANG] * 3}
    began = time.monotonic()
    fetch.refused(5, "collateral.timeout", "milan", "--timeout", "1s")
    assert service.asks() == [CHAIN, VCEK] and time.monotonic() - began < 20


def test_nobody_there_is_told(fetch, service):
    service.close()
    fetch.refused(5, "collateral.connect")
    fetch.url = "http://host.invalid"
    fetch.refused(5, "collateral.connect")


def test_interrupted_it_ends_and_leaves_nothing(fetch, service, tmp_path):
    service.instead = {VCEK: [HANG]}
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"} | MODULES
    process = subprocess.Popen([COCOS, *map(str, fetch.args("milan"))], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: VCEK in service.asked, "the request has come")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    process.communicate()
    assert not list(tmp_path.glob("out.bundle*"))


def test_interrupted_while_it_waits_it_ends(fetch, service):
    service.instead = {CHAIN: [raw(429, b"", "Retry-After: 100")]}
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"} | MODULES
    process = subprocess.Popen([COCOS, *map(str, fetch.args("milan"))], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: service.asked, "the request has come")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 130
    process.communicate()


# ---- redirects, TLS, proxies ----

def moved(to, status=302):
    return raw(status, b"moved " * 99, f"Location: {to}")


def test_redirects_are_followed_three_times(fetch, service):
    service.answers |= {"/1": moved("/2", 301), "/2": moved(service.url + "/3", 307), "/3": service.answers[CHAIN]}
    service.instead = {CHAIN: [moved("/1")]}
    made = fetch.good()
    assert service.asks() == [CHAIN, "/1", "/2", "/3", VCEK, CRL]
    # The source stays what was asked for.
    assert service.url + CHAIN in [i["source"] for i in made["items"]]
    service.answers |= {"/3": moved("/4"), "/4": service.answers[CHAIN]}
    service.instead = {CHAIN: [moved("/1")]}
    fetch.entry(CHAIN).unlink()
    fetch.out.unlink()
    fetch.refused(6, "collateral.redirect")


@pytest.mark.parametrize("to", ["https://127.0.0.1/x", "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "http://[bad/"])
def test_a_redirect_stays_in_its_scheme(fetch, service, to):
    service.instead = {CHAIN: [moved(to)]}
    fetch.refused(6, "collateral.redirect")


def test_the_header_of_a_redirect_does_not_count(fetch, service, world):
    chain = world.answer("tdx.bin", "stranger-tcb.chain").partition(b"\r\n\r\n")[0].split(b"\r\n")[-1]
    assert chain.startswith(b"TCB-Info-Issuer-Chain: ")
    service.answers["/moved"] = service.answers[TCB]
    service.instead = {TCB: [moved("/moved").replace(b"Location", chain + b"\r\nLocation")]}
    fetch.good("tdx")


@pytest.fixture(scope="module")
def tls_files(tmp_path_factory):
    return make_ca(tmp_path_factory.mktemp("tls"))


def test_the_server_must_chain_to_a_root_that_is_trusted(world, tls_files, tmp_path):
    service = Service(world.answers, tls_files[1])
    fetch = Fetch(world, service.url, tmp_path)
    try:
        assert fetch.refused(5, "collateral.tls")["hint"]
        assert service.asks() == []
        fetch.good("milan", "--ca", tls_files[0])
        assert service.asks() == MILAN
        fetch.good("tdx", "--ca", tls_files[0])
        (tmp_path / "empty.pem").write_text("")
        for ca in (tmp_path / "empty.pem", tmp_path / "absent.pem", world.folder / "roots.pem"):
            fetch.cache, fetch.out = "", tmp_path / "none" / "x"
            fetch.out.parent.mkdir(exist_ok=True)
            fetch.refused(5, "collateral.tls", "milan", "--ca", ca)
        # Another name than the certificate's.
        fetch.url = fetch.url.replace("127.0.0.1", "localhost")
        fetch.refused(5, "collateral.tls", "milan", "--ca", tls_files[0])
        # A redirect may not leave TLS.
        fetch.url = service.url
        service.instead = {CHAIN: [moved("http://127.0.0.1/x")]}
        fetch.refused(6, "collateral.redirect", "milan", "--ca", tls_files[0])
    finally:
        service.close()


def test_tls_where_there_is_none_is_refused(fetch, service):
    fetch.url = service.url.replace("http:", "https:")
    fetch.refused(5, "collateral.tls")


def test_a_proxy_is_asked_where_the_environment_names_one(fetch, service, world, tmp_path):
    direct = Service(world.answers)
    try:
        fetch.url = direct.url
        fetch.good("milan", env={"http_proxy": service.url})
        assert service.asks() == [direct.url + p for p in MILAN] and direct.asks() == []
        fetch.cache = ""
        fetch.good("milan", env={"http_proxy": service.url, "no_proxy": "127.0.0.1"})
        assert (len(service.asks()), len(direct.asks())) == (0, 3)
        fetch.out.unlink()
        fetch.url = "https://kds.invalid"
        fetch.refused(5, "collateral.connect", "milan", env={"https_proxy": service.url})
        assert service.asks() == ["kds.invalid:443"]
    finally:
        direct.close()


# ---- services that lie ----

@pytest.mark.parametrize("path, file, code", [
    (CHAIN, "stranger.chain", "collateral.wrong"), (CHAIN, "Genoa.chain", "collateral.wrong"),
    (CHAIN, "Milan.vlek-chain", "collateral.wrong"), (CHAIN, "milan.vcek", "collateral.wrong"),
    (CHAIN, "roots.pem", "collateral.wrong"), (CHAIN, "Milan.crl", "cert.form"),
    (VCEK, "genoa.vcek", "collateral.wrong"), (VCEK, "turin.vcek", "collateral.wrong"), (VCEK, "Milan.chain", "cert.form"),
    (CRL, "stranger.crl", "collateral.wrong"), (CRL, "Genoa.crl", "collateral.wrong"), (CRL, "stale.crl", "collateral.stale"),
    (CRL, "milan.vcek", "crl.form"),
])
def test_what_is_not_amds_answer_is_refused(fetch, service, world, path, file, code):
    service.instead = {path: [raw(200, world.read(file))]}
    assert service.url in fetch.refused(4, code)["message"] or code.endswith(".form")
    assert fetch.cache.exists() == (path != CHAIN) and (path == CHAIN or fetch.entry(path) is None)


def test_the_certificate_of_another_chip_is_refused(fetch):
    assert "another chip" in fetch.refused(4, "collateral.wrong", "other-chip")["message"]


@pytest.mark.parametrize("path, file, chain, code", [
    (TCB, "stale-tcb-info", "tcb.chain", "collateral.stale"), (TCB, "other-tcb-info", "tcb.chain", "collateral.wrong"),
    (TCB, "qe-identity", "tcb.chain", "tdx.collateral_format"), (TCB, "stranger-tcb-info", "tcb.chain", "collateral.wrong"),
    (TCB, "stranger-tcb-info", "stranger-tcb.chain", "collateral.wrong"), (TCB, "tcb-info", "pck.chain", "collateral.wrong"),
    (TCB, "tcb-info", "roots.pem", "collateral.wrong"), (TCB, "tcb-info", None, "collateral.wrong"),
    (QE, "stale-qe-identity", "tcb.chain", "collateral.stale"), (QE, "tcb-info", "tcb.chain", "tdx.collateral_format"),
    (QE, "qe-identity", None, "collateral.wrong"), (QE, "qe-identity", "next.chain", "collateral.wrong"),
    (PCK_CRL, "processor.crl", "processor.chain", "collateral.wrong"), (PCK_CRL, "processor.crl", "pck.chain", "collateral.wrong"),
    (PCK_CRL, "root.crl", "pck.chain", "collateral.wrong"), (PCK_CRL, "stale-pck.crl", "pck.chain", "collateral.stale"),
    (PCK_CRL, "stranger-pck.crl", "pck.chain", "collateral.wrong"), (PCK_CRL, "pck.crl", None, "collateral.wrong"),
    (ROOT_CRL, "pck.crl", None, "collateral.wrong"), (ROOT_CRL, "roots.pem", None, "crl.form"),
])
def test_what_is_not_intels_answer_is_refused(fetch, service, world, path, file, chain, code):
    header = {TCB: "TCB-Info-Issuer-Chain", QE: "SGX-Enclave-Identity-Issuer-Chain", PCK_CRL: "SGX-PCK-CRL-Issuer-Chain"}.get(path)
    service.instead = {path: [world.answer(file, chain, header)]}
    fetch.refused(4, code, "tdx")
    assert path == TCB or fetch.entry(path) is None


def test_every_changed_byte_of_the_signed_object_is_noticed(fetch, service, world):
    """A few over the whole answer; the verifier's own tests change every bit."""
    good = service.answers[TCB]
    start = good.index(b"\r\n\r\n") + 4
    for i in range(start + 12, len(good), (len(good) - start) // 9):
        changed = bytearray(good)
        changed[i] ^= 1
        service.instead = {TCB: [bytes(changed)]}
        fetch.cache = ""
        done = fetch.run("tdx")
        assert done.returncode == 4, (i, done)


@pytest.mark.parametrize("change, exit_code, code", [
    (lambda h: h.replace(b"%0A", b"%0"), 4, "collateral.header"), (lambda h: h + b"%", 4, "collateral.header"),
    (lambda h: h + b"%zz", 4, "collateral.header"), (lambda h: h[:60], 4, "cert.form"), (lambda h: b" ", 4, "collateral.wrong"),
    (lambda h: h + b"\r\nTCB-Info-Issuer-Chain: " + h, 1, "collateral.size"), (lambda h: h + b"%20" * 30000, 1, "collateral.size"),
    (lambda h: h + h, 4, "collateral.wrong"), (lambda h: h.replace(b"-----END", b"%00-----END"), 4, "cert.form"),
])
def test_the_header_with_the_chain_is_read_strictly(fetch, service, change, exit_code, code):
    lines = service.answers[TCB].split(b"\r\n")
    at = next(i for i, line in enumerate(lines) if line.startswith(b"TCB-Info-Issuer-Chain: "))
    lines[at] = b"TCB-Info-Issuer-Chain: " + change(lines[at].split(b": ")[1])
    service.instead = {TCB: [b"\r\n".join(lines)]}
    fetch.refused(exit_code, code, "tdx")


def test_the_header_is_found_in_any_case(fetch, service):
    service.answers = {p: a.replace(b"Issuer-Chain: ", b"ISSUER-chain:\t") for p, a in service.answers.items()}
    fetch.good("tdx")


def test_a_new_signer_of_intel_makes_the_cache_ask_for_both_again(fetch, service, world, judge):
    """TCB info kept from yesterday and a QE identity of today may have different signers, which no verifier takes."""
    fetch.good("tdx")
    service.answers |= {TCB: world.answer("next-tcb-info", "next.chain"),
                        QE: world.answer("next-qe-identity", "next.chain", "SGX-Enclave-Identity-Issuer-Chain")}
    fetch.entry(QE).unlink()
    service.asks()
    fetch.good("tdx")
    assert service.asks() == [QE, TCB, QE]
    assert judge(0, "tdx", fetch.out)
    # A service that itself has two is told.
    service.answers[TCB] = world.answer("tcb-info", "tcb.chain")
    fetch.cache = ""
    fetch.out.unlink()
    service.asks()
    fetch.refused(4, "collateral.chains", "tdx")
    assert service.asks() == [TCB, QE]


# ---- bundles before the judge: everything in them is checked like anything else ----

@pytest.mark.parametrize("part, match, file, exit_code, failed, found", [
    ("certificates", "blSPL", "stranger.vcek", 3, "snp.certificate.chain", "a signature or constraint of the chain does not hold"),
    ("certificates", "cert_chain", "stranger.chain", 3, "snp.certificate.chain", "a signature or constraint of the chain does not hold"),
    ("certificates", "blSPL", "genoa.vcek", 4, "snp.certificate.chain", "the intermediate certificate is missing"),
    ("certificates", "cert_chain", "Genoa.chain", 4, "snp.certificate.chain", "the intermediate certificate is missing"),
    ("crl", "", "stranger.crl", 3, "snp.revocation", ""), ("crl", "", "Genoa.crl", 3, "snp.revocation", ""),
    ("crl", "", "stale.crl", 3, "snp.revocation", ""), ("crl", "", "revoked.crl", 3, "snp.revocation", ""),
])
def test_a_bundle_with_foreign_things_is_refused_by_name(fetch, judge, world, part, match, file, exit_code, failed, found):
    verdict = judge(exit_code, "milan", replaced(bundle_of(fetch, "milan"), part, match, world.read(file)))
    print(file, verdict["verdict"], verdict["reason"], [r for r in verdict["checks"] if r["outcome"] in ("failed", "could not tell")])
    assert row(verdict, failed)["outcome"] == ("failed" if exit_code == 3 else "could not tell")
    assert found in row(verdict, failed)["found"]


@pytest.mark.parametrize("part, match, file, failed", [
    ("tcb-info", "", "other-tcb-info", "tdx.tcb_info"), ("tcb-info", "", "stale-tcb-info", "tdx.collateral.validity"),
    ("tcb-info", "", "stranger-tcb-info", "tdx.tcb_info.signature"), ("tcb-chain", "", "stranger-tcb.chain", "tdx.tcb_signing.chain"),
    ("tcb-chain", "", "pck.chain", "tdx.tcb_signing.chain"), ("tcb-chain", "", "next.chain", "tdx.tcb_info.signature"),
    ("qe-identity", "", "next-qe-identity", "tdx.qe_identity.signature"),
    ("qe-identity", "", "stale-qe-identity", "tdx.collateral.validity"),
    ("crl", "pckcrl", "stranger-pck.crl", "tdx.revocation.pck"), ("crl", "pckcrl", "processor.crl", "tdx.revocation.pck"),
    ("crl", "pckcrl", "stale-pck.crl", "tdx.revocation.pck"), ("crl", "rootcacrl", "Milan.crl", "tdx.revocation.root"),
])
def test_a_bundle_with_what_intel_did_not_say_is_refused_by_name(fetch, judge, world, part, match, file, failed):
    verdict = judge(3, "tdx", replaced(bundle_of(fetch, "tdx"), part, match, world.read(file)))
    assert row(verdict, failed)["outcome"] == "failed"


def test_a_bundle_of_another_chip_does_not_help(fetch, judge):
    fetch.good("milan")
    verdict = judge(3, "other-chip", fetch.out)
    assert row(verdict, "snp.signature")["outcome"] == "failed"


def test_a_bundle_of_another_kind_is_a_mistake(fetch, world, policies):
    fetch.good("milan")
    fails(2, "collateral.kind", "evidence", "verify", world.folder / "tdx.bin", "--policy", policies / "tdx.json", "--bundle", fetch.out)


def test_without_an_item_it_is_undecided(fetch, judge):
    for name in ("milan", "tdx"):
        bundle = bundle_of(fetch, name)
        for i in range(len(bundle[4])):
            assert judge(4, name, bundle | {4: bundle[4][:i] + bundle[4][i + 1:]})["verdict"] == "undecided"


def test_every_part_of_a_bundle_matters(fetch, world, policies, tmp_path):
    """A byte changed anywhere leaves it accepted only where it is a note for people: subject and sources."""
    fetch.good("tdx")
    good = fetch.out.read_bytes()
    value = decode(good)[0]
    notes = [(good.index(s.encode()), len(s)) for s in (value[3], *(i[3] for i in value[4]))]
    notes += [(m.start(), len(value[4][2][3])) for m in re.finditer(re.escape(value[4][2][3].encode()), good)]
    wrong = []
    for i in range(0, len(good), max(1, len(good) // 40)):
        changed = bytearray(good)
        changed[i] ^= 1
        (tmp_path / "changed").write_bytes(changed)
        done = run("evidence", "verify", world.folder / "tdx.bin", "--policy", policies / "tdx.json", "--bundle", tmp_path / "changed")
        if done.returncode == 0 and not any(at <= i < at + n for at, n in notes):
            wrong.append((i, good[i - 20:i + 20]))
    # PEM text around a certificate, and line breaks in it, say nothing.
    assert all(b"-----" in near or b"\n" in near for _, near in wrong), wrong


# ---- bundles that are none ----

@pytest.mark.parametrize("exit_code, code, change", [
    (4, "collateral.bundle", lambda b: b""), (4, "cbor.short", lambda b: b[:-1]), (4, "cbor.trailing", lambda b: b + b"\0"),
    (4, "collateral.bundle", lambda b: encode(decode(b)[0] | {1: 2})), (4, "cbor.type", lambda b: b"\x01"),
    (4, "collateral.bundle", lambda b: encode(decode(b)[0] | {2: 3})), (4, "collateral.bundle", lambda b: encode(decode(b)[0] | {4: []})),
    (1, "file.size", lambda b: b + b"\0" * (16 << 20)),
])
def test_what_is_no_bundle_is_refused(fetch, tmp_path, exit_code, code, change):
    fetch.good()
    (tmp_path / "b").write_bytes(change(fetch.out.read_bytes()))
    fails(exit_code, code, "collateral", "show", tmp_path / "b")


def test_standard_input_is_a_bundle_too(fetch):
    fetch.good()
    assert run("collateral", "show", "-", stdin=fetch.out.read_bytes()).stdout == run("collateral", "show", fetch.out).stdout


# ---- the command line ----

@pytest.mark.parametrize("code, options", [
    ("option.value", ["--kds", "kdsintf.amd.com"]), ("option.value", ["--kds", "https://kds/"]), ("option.value", ["--pcs", "file:///x"]),
    ("option.value", ["--cache", "relative"]), ("option.value", ["--ca", "relative"]), ("option.value", ["--patience", "3601"]),
    ("option.value", ["--patience", "-1"]), ("option.value", ["--root-crl", "https://u@h/x"]), ("usage.option.value", ["--kind", "sev"]),
])
def test_wrong_options_are_told(world, tmp_path, code, options):
    fails(2, code, "collateral", "bundle", world.folder / "milan.bin", "-o", tmp_path / "b", *options)


def test_the_bundle_must_have_a_place(fetch, world, tmp_path):
    fails(2, "usage.option.missing", "collateral", "bundle", world.folder / "milan.bin")
    fetch.out = tmp_path / "absent" / "b"
    done = fetch.run("milan", "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (5, "io.write")


def test_a_bundle_that_was_there_is_replaced_at_once(fetch):
    fetch.out.write_text("old")
    os.link(fetch.out, fetch.out.with_name("link"))
    fetch.good()
    assert fetch.out.with_name("link").read_text() == "old" and fetch.out.stat().st_size > 1000
    fetch.cache = ""
    fetch.url = "http://127.0.0.1:1"
    before = fetch.out.read_bytes()
    assert fetch.run("milan").returncode == 5 and fetch.out.read_bytes() == before


def test_a_missing_module_is_told(world, tmp_path):
    done = run("collateral", "bundle", world.folder / "milan.bin", "-o", tmp_path / "b", "--cache", "", "--json",
               env={"COCOS_MODULE_DIR": str(tmp_path)})
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (4, "collateral.module") and "libcocos-fetch" in error["message"]


def test_it_says_who_asks(fetch, service):
    fetch.good()
    assert all(re.search(rb"\r\nUser-Agent: libcocos/\d+\.\d+\.\d+\r\n", h) and b"Cookie" not in h for h in service.heads)


def test_a_port_where_nobody_is_is_told(fetch):
    fetch.url = "http://127.0.0.1:99999"
    fetch.refused(5, "collateral.connect")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        fetch.url = f"http://127.0.0.1:{s.getsockname()[1]}"
        fetch.refused(5, "collateral.connect")
