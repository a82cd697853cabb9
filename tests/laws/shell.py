#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every shell script is POSIX sh without a complaint of shellcheck or checkbashisms."""

import pathlib
import shutil
import subprocess
import sys

FOLDERS = (".ci", "bindings", "doc", "eos", "tests", "tools")


def scripts(root):
    """Files of ours that sh reads, whatever their name."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if not path.is_file() or path.suffix in (".py", ".c", ".h"):
                continue
            with open(path, "rb") as f:
                first = f.readline(64)
            if path.suffix == ".sh" or first.startswith(b"#!/bin/sh"):
                yield path


def main():
    missing = [tool for tool in ("shellcheck", "checkbashisms") if not shutil.which(tool)]
    if missing:
        print("skipped: no", " ".join(missing))
        return 77
    paths = list(scripts(pathlib.Path.cwd()))
    assert len(paths) >= 5, paths
    status = subprocess.run(["shellcheck", "-x", "-P", "SCRIPTDIR", *paths], check=False).returncode
    # A sourced file has no first line that names its shell.
    return subprocess.run(["checkbashisms", "--force", "--posix", *paths], check=False).returncode or status


sys.exit(main())
