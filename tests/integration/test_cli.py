# SPDX-License-Identifier: Apache-2.0
"""The program cocos from outside: what needs no agent and no manager."""

import base64
import hashlib
import json
import os
import pty
import re
import shutil
import signal
import socket
import stat
import subprocess
import time

import pytest

from cli import COCOS, ROOT, fails, run, run_json

COMMANDS = ["keys", "checksum", "manifest new", "manifest check", "manifest digest", "manifest approve", "case make",
            "case anchor", "case verify", "case explain", "algo", "data", "result",
            "agent describe", "agent approve", "agent statement", "attestation get", "ima-measurements", "agent watch", "vm create", "vm list", "vm show", "vm watch", "vm console",
            "vm destroy", "create-vm", "remove-vm", "collateral bundle", "collateral show",
            "evidence show", "evidence verify", "measure", "policy new", "policy check", "policy explain", "config show", "completion", "help"]


@pytest.fixture
def keys(tmp_path):
    """A key pair as 'cocos keys' makes it."""
    assert run("keys", "-k", "ed25519", "-o", tmp_path).returncode == 0
    return tmp_path / "private.pem", tmp_path / "public.pem"


@pytest.fixture
def manifest(tmp_path, keys):
    """A manifest of one algorithm and two data sets, with its files."""
    for name, text in (("train", "#!/bin/sh\n"), ("a.csv", "1\n"), ("b.csv", "2\n")):
        (tmp_path / name).write_text(text)
    done = run("manifest", "new", "--id", "c-1", "--algorithm", "train", "--algorithm-key", "public.pem", "--args", "x",
               "--data", "a.csv", "--data", "b.csv", "--data-key", "public.pem", "--consumer", "public.pem",
               "--memory", "64M", "--deadline", "1m", "-o", "m.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path / "m.json"


# ---- help, versions, completions ----

def test_bare_it_shows_short_help():
    done = run()
    assert done.returncode == 0 and b"Commands:" in done.stdout and done.stderr == b""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    by_option, by_name = run(*command.split(), "--help"), run("help", *command.split())
    assert by_option.returncode == by_name.returncode == 0
    assert by_option.stdout == by_name.stdout
    assert f"cocos {command}".encode() in by_option.stdout
    assert b"--json" in by_option.stdout


def test_help_wins_over_what_is_wrong():
    assert run("data", "--help", "--nonsense").returncode == 0
    assert run("vm", "--help").returncode == 0


def test_version_names_library_and_abi():
    done = run("--version")
    assert re.fullmatch(rb"cocos \d+\.\d+\.\d+\nlibrary \d+\.\d+\.\d+, ABI libcocos\.so\.\d+\n", done.stdout)
    run_json("version", "--version")


def test_the_other_name_is_the_same_program(tmp_path):
    (tmp_path / "cocos-cli").symlink_to(COCOS)
    assert run("--help", program=tmp_path / "cocos-cli").stdout == run("--help").stdout


def test_bash_completes_commands_options_and_values():
    script = run("completion", "bash").stdout.decode()

    def complete(*words):
        line = f"""{script}
compopt() {{ :; }}
COMP_WORDS=({' '.join(repr(w) for w in words)}); COMP_CWORD={len(words) - 1}
_cocos; printf '%s\\n' "${{COMPREPLY[@]}}" """
        return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True).stdout.split()

    assert complete("cocos", "man") == ["manifest"]
    assert set(complete("cocos", "vm", "")) == {"create", "list", "show", "watch", "console", "destroy"}
    assert complete("cocos", "vm", "create", "--serv") == ["--server-url", "--server-ca"]
    assert set(complete("cocos", "keys", "-k", "")) == {"rsa", "ecdsa", "ed25519"}
    assert complete("cocos", "keys", "--key-type", "ed") == ["ed25519"]
    assert complete("cocos", "data", str(ROOT / "LICEN")) != []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_accept_their_completions(shell, tmp_path):
    script = run("completion", shell).stdout
    assert b"server-url" in script and b"manifest" in script
    if not shutil.which(shell):
        pytest.skip(f"skipped: no {shell}")
    (tmp_path / "c").write_bytes(script)
    subprocess.run([shell, "-n", str(tmp_path / "c")], check=True)


def test_completions_of_unknown_shells_are_refused():
    fails(2, "usage.arguments", "completion", "tcsh")


# ---- usage ----

@pytest.mark.parametrize("args, code, hint", [
    (["dta", "x", "y"], "usage.command", "'data'"),
    (["vm", "crate"], "usage.command", "'create'"),
    (["result", "k", "--outptu-dir", "x"], "usage.option", "'--output-dir'"),
    (["data", "x"], "usage.arguments", "data --help"),
    (["data", "x", "y", "z"], "usage.arguments", "data --help"),
    (["keys", "-k", "dsa"], "usage.option.value", "--help"),
    (["keys", "-o"], "usage.option.value", "--help"),
    (["keys", "-o", "a", "-o", "b"], "usage.option.twice", "--help"),
    (["keys", "--timeout", "soon"], "usage.option.value", None),
    (["create-vm"], "usage.option.missing", None),
])
def test_usage_errors_exit_with_2_and_help(args, code, hint):
    error = fails(2, code, *args)
    assert hint is None or hint in error["hint"]


def test_words_cannot_write_to_the_terminal():
    assert b"\033" not in run("\033]0;owned\007").stderr


# ---- keys ----

@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_keys_have_their_names_modes_and_forms(kind, tmp_path):
    doc = run_json("keys", "keys", "-k", kind, cwd=tmp_path)
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    assert doc["type"] == kind
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(public.stat().st_mode) == 0o644
    assert "PRIVATE KEY" in private.read_text() and "BEGIN PUBLIC KEY" in public.read_text()
    der = base64.b64decode("".join(public.read_text().splitlines()[1:-1]))
    assert hashlib.sha256(der).hexdigest() == doc["thumbprint"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["private.pem", "public.pem"]


def test_modes_do_not_depend_on_the_umask(tmp_path):
    subprocess.run(["sh", "-c", f"umask 000; exec {COCOS} keys -k ed25519 -q"], cwd=tmp_path, check=True, capture_output=True)
    assert stat.S_IMODE((tmp_path / "private.pem").stat().st_mode) == 0o600


def test_keys_are_not_replaced_without_force(keys, tmp_path):
    before = keys[0].read_bytes()
    fails(2, "keys.exist", "keys", "-k", "ed25519", "-o", tmp_path)
    keys[1].unlink()
    fails(2, "keys.exist", "keys", "-k", "ed25519", "-o", tmp_path)
    assert keys[0].read_bytes() == before and not keys[1].exists()
    assert run("keys", "-k", "ed25519", "-o", tmp_path, "--force").returncode == 0
    assert keys[0].read_bytes() != before


def test_keys_make_a_directory_for_their_owner_alone(tmp_path):
    assert run("keys", "-k", "ed25519", "-o", tmp_path / "alice").returncode == 0
    assert stat.S_IMODE((tmp_path / "alice").stat().st_mode) == 0o700
    fails(5, "io.create", "keys", "-k", "ed25519", "-o", tmp_path / "no" / "such")


def test_keys_follow_no_link_to_elsewhere(tmp_path):
    (tmp_path / "private.pem").symlink_to(tmp_path / "target")
    fails(2, "keys.exist", "keys", "-k", "ed25519", "-o", tmp_path)
    assert not (tmp_path / "target").exists()


def test_an_unwritable_directory_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    done = run("keys", "-k", "ed25519", "-o", tmp_path / "file" / "missing")
    assert done.returncode not in (0, 2) and b"missing" in done.stderr


# ---- checksum and manifest ----

def test_checksum_is_sha3_256_in_hex_or_base64(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"x" * 3_000_000)
    want = hashlib.sha3_256(path.read_bytes())
    assert run("checksum", path).stdout.decode() == want.hexdigest() + "\n"
    assert run("checksum", "-b", path).stdout.decode() == base64.b64encode(want.digest()).decode() + "\n"
    assert run_json("checksum", "checksum", path)["size"] == 3_000_000


def test_a_directory_has_the_digest_of_its_zip_whatever_its_order(tmp_path):
    for d, names in (("one", "abc"), ("two", "cba")):
        (tmp_path / d).mkdir()
        for n in names:
            (tmp_path / d / n).write_text(n)
            (tmp_path / d / n).chmod(0o644)
    one, two = (run("checksum", tmp_path / d).stdout for d in ("one", "two"))
    assert one == two and len(one) == 65


def test_checksum_of_stdin_and_of_nothing():
    assert run("checksum", "-", stdin=b"abc").stdout.decode().strip() == hashlib.sha3_256(b"abc").hexdigest()
    fails(1, "io.open", "checksum", "/nonexistent")


def test_a_new_manifest_is_valid_and_keeps_its_digest(manifest, tmp_path):
    digest = run("manifest", "digest", manifest).stdout
    assert run("manifest", "check", manifest).stdout == digest == run("checksum", "-m", manifest).stdout
    doc = json.loads(manifest.read_text())
    assert doc["algorithm"]["hash"] == hashlib.sha3_256((tmp_path / "train").read_bytes()).hexdigest()
    assert [d["filename"] for d in doc["datasets"]] == ["a.csv", "b.csv"]
    assert run("manifest", "digest", "-", stdin=manifest.read_bytes()).stdout == digest
    run_json("manifest check", "manifest", "check", manifest)
    run_json("manifest digest", "manifest", "digest", manifest)


def test_manifest_new_says_what_is_missing(tmp_path):
    fails(2, "usage.option.missing", "manifest", "new", cwd=tmp_path)
    done = run_json("manifest new", *NEW, cwd=files_for_manifest(tmp_path))
    assert re.fullmatch(r"[0-9a-f]{32}", done["manifest"]["id"])


NEW = ["manifest", "new", "--algorithm", "f", "--algorithm-key", "public.pem", "--consumer", "public.pem"]


def files_for_manifest(tmp_path):
    run("keys", "-k", "ed25519", "-o", tmp_path)
    (tmp_path / "f").write_text("f")
    return tmp_path


def test_a_defect_of_a_manifest_is_named(manifest):
    doc = json.loads(manifest.read_text())
    doc["datasets"][1]["filename"] = "a.csv"
    doc["surprise"] = 1
    manifest.write_text(json.dumps(doc))
    done = run("manifest", "check", manifest)
    assert done.returncode == 4 and b"surprise" in done.stderr and b"a.csv" in done.stderr
    error = json.loads(run("manifest", "check", manifest, "--json").stdout)["error"]
    assert error["kind"] == "malformed" and error["code"].startswith("manifest.")
    assert "a.csv" in error["causes"][0]["message"]


def test_garbage_is_no_manifest(tmp_path):
    for i, data in enumerate([b"", b"{", b"[]", os.urandom(500), b"\xff" * 10, b"{" * 100000]):
        path = tmp_path / str(i)
        path.write_bytes(data)
        for command in (["manifest", "check"], ["manifest", "digest"], ["checksum", "-m"]):
            assert run(*command, path).returncode == 4


def old_manifest(keys):
    der = "".join(keys[1].read_text().splitlines()[1:-1])
    return {
        "result_consumers": [{"user_key": der}],
        "id": "1", "name": "a<b>&\u2028", "description": "",
        "algorithm": {"user_key": der, "hash": list(range(32)), "algo_type": "bin", "algo_args": ["--x", "\"q\""]},
        "datasets": [{"filename": "d", "hash": [0] * 32, "user_key": der, "decompress": True,
                      "source": {"encrypted": True, "type": "https", "url": "u"}, "kbs": {"enabled": True}}],
    }


def test_the_old_form_of_manifests_has_its_old_digest(keys, tmp_path):
    path = tmp_path / "old.json"
    doc = old_manifest(keys)
    path.write_text(json.dumps(doc))
    der = doc["algorithm"]["user_key"]
    numbers = ",".join(map(str, range(32)))
    zeros = ",".join(["0"] * 32)
    text = (f'{{"id":"1","name":"a\\u003cb\\u003e\\u0026\\u2028","datasets":[{{"hash":[{zeros}],"user_key":"{der}","filename":"d",'
            f'"source":{{"type":"https","url":"u","encrypted":true}},"decompress":true,"kbs":{{"enabled":true}}}}],'
            f'"algorithm":{{"hash":[{numbers}],"user_key":"{der}","algo_type":"bin","algo_args":["--x","\\"q\\""]}},'
            f'"result_consumers":[{{"user_key":"{der}"}}]}}')
    assert run("checksum", "-m", path).stdout.decode().strip() == hashlib.sha3_256(text.encode()).hexdigest()
    doc["datasets"][0]["hash"][3] = 256
    path.write_text(json.dumps(doc))
    fails(4, "manifest.old", "checksum", "-m", path)


# ---- settings ----

def test_settings_come_from_option_environment_file_and_default(tmp_path):
    (tmp_path / "cocos").mkdir()
    config = tmp_path / "cocos" / "config"
    config.write_text("# mine\nagent_grpc_url = file:1\nagent_grpc_timeout = 5s\n")
    env = {"XDG_CONFIG_HOME": str(tmp_path), "AGENT_GRPC_TIMEOUT": "7s"}
    doc = run_json("config show", "config", "show", "--agent-pin", "p", env=env)
    assert doc["agent_grpc_url"] == {"value": "file:1", "origin": f"file {config}"}
    assert doc["agent_grpc_timeout"] == {"value": "7s", "origin": "environment AGENT_GRPC_TIMEOUT"}
    assert doc["agent_grpc_pin"] == {"value": "p", "origin": "option --agent-pin"}
    assert doc["manager_grpc_timeout"] == {"value": "60s", "origin": "default"}
    plain = run("config", "show", "--origin", env=env).stdout.decode()
    assert f"agent_grpc_url = file:1  # file {config}\n" in plain


def test_a_misspelt_setting_is_refused(tmp_path):
    (tmp_path / "cocos").mkdir()
    (tmp_path / "cocos" / "config").write_text("agent_grpc_pim = x\n")
    error = fails(2, "config.file", "config", "show", env={"XDG_CONFIG_HOME": str(tmp_path)})
    assert "config:1" in error["message"] and "agent_grpc_pim" in error["message"]


# ---- trust and connections ----

def test_nothing_is_dialled_without_a_reason_for_trust(keys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"127.0.0.1:{server.getsockname()[1]}"
        error = fails(2, "agent.policy.none", "agent", "describe", env={"AGENT_GRPC_URL": url})
        assert "--insecure-no-attestation" in error["hint"]
        for value in ("false", "0", "true"):  # nothing but the typed option does without evidence
            fails(2, "agent.policy.none", "agent", "describe",
                  env={"AGENT_GRPC_URL": url, "AGENT_GRPC_ATTESTED_TLS": value, "AGENT_GRPC_PIN": "sha256:" + "0" * 64})
        error = fails(2, "agent.trust", "agent", "describe", "--insecure-no-attestation", env={"AGENT_GRPC_URL": url})
        assert "AGENT_GRPC_PIN" in error["hint"]
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_policy_is_known_by_its_content(tmp_path):
    policy = tmp_path / "policy"
    for head in (b"\xd9\x01\xf5\xa1", b"\xd9\x01\xf4\xd2", b"\xd2\x84\x40"):
        policy.write_bytes(head)
        fails(4, "policy.corim", "agent", "describe", "--policy", policy)
        fails(4, "policy.corim", "agent", "describe", env={"AGENT_GRPC_ATTESTATION_POLICY": str(policy)})
    policy.write_text("{")
    fails(4, "json.syntax", "agent", "describe", "--policy", policy)
    policy.write_text('{"version": 1}')
    fails(2, "agent.policy.conflict", "agent", "describe", "--policy", policy, "--insecure-no-attestation")
    fails(2, "agent.policy.local", "agent", "describe", "--policy", policy, "--agent-url", f"unix:{tmp_path}/none")
    fails(2, "usage.option.value", "agent", "describe", "--insecure-no-attestation", "--manifest-digest", "12")


def test_a_bad_pin_is_refused():
    for pin in ("sha256:12", "md5:" + "0" * 64, "sha256:" + "g" * 64, "0" * 64):
        fails(2, "agent.pin", "agent", "describe", "--insecure-no-attestation", "--agent-pin", pin)


def test_nobody_there_is_exit_code_5(keys):
    env = {"AGENT_GRPC_URL": "127.0.0.1:1"}
    assert fails(5, "rpc.connect", "agent", "describe", "--insecure-no-attestation", "--insecure-no-verify", env=env)["kind"] == "io"
    assert run("vm", "list", "--manager-url", "unix:/nonexistent/m.sock").returncode == 5


def test_a_silent_server_ends_with_the_timeout(keys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"127.0.0.1:{server.getsockname()[1]}"
        begin = time.monotonic()
        done = run("agent", "describe", "--insecure-no-attestation", "--insecure-no-verify", "--timeout", "500ms", env={"AGENT_GRPC_URL": url})
        assert done.returncode == 5 and time.monotonic() - begin < 20


def test_a_public_key_cannot_sign(keys):
    fails(2, "key.private", "result", keys[1], "--insecure-no-attestation", "--insecure-no-verify")


def test_old_options_that_a_strict_guest_refuses_are_refused():
    fails(4, "vm.option.old", "create-vm", "--server-url", "h:1", "--aws-region", "x")


def test_commands_that_need_no_connection_make_none(tmp_path, keys):
    env = {"AGENT_GRPC_URL": "192.0.2.1:1", "MANAGER_GRPC_URL": "192.0.2.1:1"}
    assert run("keys", "-k", "ed25519", "--force", env=env, cwd=tmp_path, timeout=5).returncode == 0
    assert run("checksum", keys[0], env=env, timeout=5).returncode == 0


# ---- output and signals ----

def test_a_full_disk_is_no_success(tmp_path):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([COCOS, "config", "show"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode != 0 and b"output.write" in done.stderr


def interrupted(presses, tmp_path):
    """Exit code and seconds of a long command that gets Ctrl-C this often."""
    big = tmp_path / "big"
    with open(big, "wb") as f:
        f.truncate(200 << 30)
    child = subprocess.Popen([COCOS, "checksum", big], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.3)
    begin = time.monotonic()
    for _ in range(presses):
        child.send_signal(signal.SIGINT)
        time.sleep(0.05)
    child.communicate(timeout=20)
    return child.returncode, time.monotonic() - begin


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_ends_it_with_130(presses, tmp_path):
    code, seconds = interrupted(presses, tmp_path)
    assert code == 130 and seconds < 20


def on_terminal(*args, env=None):
    """What it writes when stderr is a terminal."""
    leader, follower = pty.openpty()
    child = subprocess.Popen([COCOS, *args], stdout=subprocess.PIPE, stderr=follower,
                             env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TERM": "xterm"} | (env or {}))
    child.communicate(timeout=20)
    os.close(follower)
    out = b""
    try:
        while chunk := os.read(leader, 4096):
            out += chunk
    except OSError:
        pass  # the other end is gone
    os.close(leader)
    return out


def test_colour_only_on_terminals_and_where_wanted():
    assert b"\033[31m" in on_terminal("nonsense")
    assert b"\033[" not in on_terminal("nonsense", env={"NO_COLOR": "1"})
    assert b"\033[" not in on_terminal("nonsense", env={"TERM": "dumb"})
    assert b"\033[" not in on_terminal("nonsense", "--color", "never")
    assert b"\033[" not in run("nonsense").stderr
    assert b"\033[" in run("--color", "always", "nonsense").stderr


# ---- documents ----

def test_every_option_is_in_a_man_page():
    pages = [p for p in (ROOT / "doc/man").glob("cocos*.1.scd")]
    text = {p.stem: p.read_text() for p in pages}
    page_of = {"keys": "cocos-keys.1", "checksum": "cocos-manifest.1", "manifest": "cocos-manifest.1", "algo": "cocos-data.1",
               "data": "cocos-data.1", "result": "cocos-data.1", "agent": "cocos-agent-describe.1",
               "case": "cocos-case.1", "attestation": "cocos-attestation.1", "ima-measurements": "cocos-attestation.1", "vm": "cocos-vm.1",
               "create-vm": "cocos-vm.1", "remove-vm": "cocos-vm.1",
               "collateral": "cocos-collateral.1", "evidence": "cocos-evidence.1", "measure": "cocos-evidence.1", "policy": "cocos-evidence.1",
               "config": "cocos.1", "completion": "cocos.1",
               "help": "cocos.1", "*": "cocos.1"}
    shared = text["cocos-data.1"]
    rows = [line.split("\t") for line in run("completion", "options").stdout.decode().splitlines()]
    assert len(rows) > 80
    for command, option, letter, value in rows:
        page = text["cocos-attestation.1" if command in ("agent approve", "agent statement") else page_of[command.split()[0]]]
        if not option:
            assert command in page, command
            continue
        where = page if f"*--{option}*" in page else shared
        assert f"*--{option}*" in where, f"{command} --{option} is in no man page"
        if letter != "-":
            assert f"*-{letter}*, *--{option}*" in where, f"{command} -{letter}"
        if value != "-":
            assert re.search(rf"\*--{option}\* _", where), f"{command} --{option} {value}"


def test_man_pages_are_clean(tmp_path):
    for tool in ("scdoc", "mandoc"):
        if not shutil.which(tool):
            pytest.skip(f"skipped: no {tool}")
    for page in (ROOT / "doc/man").glob("*.scd"):
        roff = subprocess.run(["scdoc"], input=page.read_bytes(), capture_output=True, check=True).stdout
        found = subprocess.run(["mandoc", "-Tlint", "-Wwarning"], input=roff, capture_output=True, check=False).stdout.decode()
        # scdoc writes .PP more often than needed; mandoc skips it.
        left = [line for line in found.splitlines() if "skipping paragraph macro" not in line]
        assert left == [], (page, left)


def test_every_code_of_the_program_is_documented():
    page = (ROOT / "doc/errors.md").read_text()
    for source in [*(ROOT / "tools/cli").glob("*.c"), *(ROOT / "tools/common").glob("*.c")]:
        for code in re.findall(r'COCOS_ERR_\w+,\s*"([a-z_.]+)"|\.code = (?:p\.check = )?"([a-z_.]+)"', source.read_text()):
            assert f"`{code[0] or code[1]}`" in page, (source.name, code)
