# SPDX-License-Identifier: Apache-2.0
"""Running the program cocos, its JSON held against its schema."""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("COCOS_BUILD_ROOT", ROOT / "build"))
COCOS = BUILD / "tools" / "cli" / "cocos"
MODULES = {"COCOS_MODULE_DIR": str(BUILD / "libcocos")}
SCHEMA = json.loads((ROOT / "doc/schema/cli.schema.json").read_text())

sys.path.insert(0, str(ROOT / "tests/support"))
import schema_check  # noqa: E402


def run(*args, env=None, cwd=None, stdin=b"", timeout=60, program=COCOS):
    """Run it in an environment of its own, so that nobody's settings get in."""
    clean = {k: os.environ[k] for k in ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "ASAN_OPTIONS") if k in os.environ}
    clean |= {"HOME": "/nonexistent", "LC_ALL": "C.UTF-8"} | (env or {})
    done = subprocess.run([str(program), *map(str, args)], env=clean, cwd=cwd, input=stdin, capture_output=True,
                          timeout=timeout, check=False)
    assert done.returncode >= 0, f"{args} ended by signal {-done.returncode}: {done.stderr.decode()}"
    return done


def check(document, definition):
    faults = schema_check.faults(document, SCHEMA["$defs"][definition], SCHEMA)
    faults += schema_check.faults(document, SCHEMA, SCHEMA)
    assert not faults, faults
    return document


def run_json(definition, *args, **options):
    """A command that succeeds; its document, as the schema's definition says."""
    done = run(*args, "--json", **options)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return check(json.loads(done.stdout), definition)


def fails(exit_code, code, *args, **options):
    """A command that fails: exit code, stable code, both forms of output."""
    done = run("--json", *args, **options)
    error = check(json.loads(done.stdout), "error")["error"]
    assert (done.returncode, error["code"]) == (exit_code, code), (done, error)
    plain = run(*args, **options)
    assert plain.returncode == exit_code
    assert plain.stdout == b"", plain.stdout
    assert f"code: {code}".encode() in plain.stderr and b"error: " in plain.stderr
    return error
