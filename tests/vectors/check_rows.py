# SPDX-License-Identifier: Apache-2.0
"""What run-vectors says of rows and sets that are not as they should be: check_rows.py RUN_VECTORS."""

import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

VALUE = hashlib.sha256(bytes(32) + hashlib.sha3_256(b"x").digest()).hexdigest()
GOOD = {
    "id": "good",
    "kind": "pcr",
    "options": {"operation": "extend", "bank": "sha256", "initial": "00" * 32, "data": b"x".hex()},
    "expect": "ok",
    "expected": {"value": VALUE},
}
IMA = {
    "id": "bad",
    "kind": "ima",
    "files": {"ima_log": "list"},
    "options": {"form": "ascii", "bank": "sha1", "pcr10": "00" * 20},
    "expect": "ok",
}
SNP = {
    "id": "bad",
    "expect": "ok",
    "report": "none",
    "endorsement_cert": "none",
    "chain": "none",
    "trusted_root": "amd",
    "time": "2025-06-01T00:00:00Z",
}
TDX = {"id": "bad", "expect": "ok", "quote": "none", "trusted_root": "intel", "time": "2025-06-01T00:00:00Z"}


def changed(row, **members):
    """The row, of another name; an object is merged, None takes a member away."""
    row = {**row, "id": "bad"}
    for name, value in members.items():
        if isinstance(value, dict):
            value = {**row.get(name, {}), **value}
        row[name] = value
    return {k: v for k, v in row.items() if v is not None}


# Rows of each kind, and what is said of them.
BAD = [
    ("vtpm", IMA, "bad: cannot read: "),
    ("vtpm", changed(IMA, files={"ima_log": "."}), "bad: cannot read: "),
    ("vtpm", changed(GOOD, options={"banks": "sha1"}), "bad: option banks is not known"),
    ("vtpm", changed(GOOD, tcb_status="UpToDate"), "bad: key tcb_status is not known"),
    ("vtpm", changed(IMA, files={"policy": "x"}), "bad: file policy is not known"),
    ("vtpm", changed(IMA, expected={"entry": 1}), "bad: expected entry is not known"),
    ("vtpm", changed(IMA, expected={"entries": "1"}), "bad: expected entries is no number"),
    ("vtpm", changed(GOOD, options={"bank": 4}), "bad: option bank is no text"),
    ("vtpm", changed(GOOD, options={"bank": "sha255"}), "bad: option bank is none of sha256|sha384"),
    ("vtpm", changed(GOOD, options={"index": "16"}), "bad: option index is no number"),
    ("vtpm", changed(GOOD, options=[]), "bad: key options is no object"),
    ("vtpm", changed(GOOD, options={"initial": "00"}), "bad: not the length of the bank: initial"),
    ("vtpm", changed(GOOD, options={"data": "0g"}), "bad: no bytes in hex, or too many: data"),
    ("vtpm", changed(GOOD, options={"data": "00" * 5000}), "bad: no bytes in hex, or too many: data"),
    ("vtpm", changed(GOOD, expected=None), "bad: key expected is missing"),
    ("vtpm", changed(GOOD, expect="yes"), "bad: key expect is none of ok|fail"),
    ("vtpm", changed(GOOD, expected={"value": "00"}), "bad: value is not as expected: " + VALUE),
    ("vtpm", changed(GOOD, kind="pcrs"), "bad: no such kind of row: pcrs"),
    ("vtpm", changed(IMA, options={"allow_violations": "yes"}), "bad: option allow_violations is neither true nor false"),
    ("vtpm", "bad", "cases.json row 1: no such kind of row: none"),
    ("snp", SNP, "bad: cannot read: "),
    ("snp", changed(SNP, options={"min_tbc": "0x1"}), "bad: option min_tbc is not known"),
    ("snp", changed(SNP, options={"min_tcb": 1}), "bad: option min_tcb is no text"),
    ("snp", 5, "cases.json row 1: the row is no object"),
    ("tdx", TDX, "bad: cannot read: "),
    ("tdx", changed(TDX, check_crls=True), "bad: key check_crls is not known"),
    ("tdx", changed(TDX, check_crl="true"), "bad: key check_crl is neither true nor false"),
    ("tdx", changed(TDX, options={"mr_td": 1}), "bad: option mr_td is no text"),
]

# What is no set, as the text of its cases.json; None: there is none.
NO_SET = [None, "", "[]", "{}", "[{}", '[{"id": "a", "id": "b"}]', "\0"]


def run(program, *folders):
    r = subprocess.run([program, *map(str, folders)], capture_output=True, text=True, check=False)
    return r.returncode, r.stdout.splitlines(), r.stderr.splitlines()


def make_set(base, kind, text):
    folder = base / kind
    folder.mkdir(parents=True)
    if text is not None:
        (folder / "cases.json").write_text(text)
    return folder


def check_row(program, base, kind, row, said):
    """The row fails with its reason, and the row behind it is judged all the same."""
    code, out, _ = run(program, make_set(base, kind, json.dumps([row] if kind != "vtpm" else [GOOD, row, GOOD])))
    passed = 2 if kind == "vtpm" else 0
    said = said if kind == "vtpm" else said.replace("row 1", "row 0")
    assert code == 1, (row, code, out)
    assert out[-1] == f"{passed} passed, 1 failed", (row, out)
    assert any(line.startswith(said) for line in out[:-1]), (row, said, out)


def check_no_set(program, base, folders, good):
    """Not a failed row but an error; a set beside it is judged."""
    for folder in folders:
        code, out, err = run(program, folder)
        assert (code, out) == (2, ["0 passed, 0 failed"]), (folder, code, out)
        assert len(err) == 1 and err[0].startswith(f"vectors: {folder}"), (folder, err)
        code, out, _ = run(program, folder, good)
        assert (code, out) == (2, ["1 passed, 0 failed"]), (folder, code, out)


def check_atls(program, base):
    """A row that ends its process, one that is not known, and files that are absent."""
    folder = base / "atls"
    (folder / "identities").mkdir(parents=True)
    for name in ("chain", "key"):
        (folder / "identities" / f"x.{name}.pem").write_text("no PEM\n")
    row = {"id": "x", "aik_pub_hash_sha256": "", "aik_pub_hash_sha384": ""}
    (folder / "identities.json").write_text(json.dumps([row, {**row, "hash": ""}]))
    (folder / "frames.json").write_text("[]")
    code, out, err = run(program, folder)
    if code == 2 and "no such kind" in err[0]:
        return  # built without it
    assert (code, out[-1]) == (2, "0 passed, 2 failed"), (code, out)
    assert "x: ended by signal 6" in out and "x: key hash is not known" in out, out
    assert f"vectors: {folder}/frames.json: a list without rows" in err, err
    assert f"vectors: {folder}/sessions.json: cannot read" in err, err


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        base = pathlib.Path(name)
        good = make_set(base / "good", "vtpm", json.dumps([GOOD]))
        assert run(program, good) == (0, ["1 passed, 0 failed"], [])
        assert run(program, f"{good}/") == (0, ["1 passed, 0 failed"], [])
        for i, (kind, row, said) in enumerate(BAD):
            check_row(program, base / f"row{i}", kind, row, said)
        sets = [make_set(base / f"set{i}", "vtpm", text) for i, text in enumerate(NO_SET)]
        (make_set(base / "folder", "vtpm", None) / "cases.json").mkdir()
        sets += [base / "folder" / "vtpm", base / "absent" / "snp", make_set(base, "other", "[]")]
        check_no_set(program, base, sets, good)
        check_atls(program, base)


if __name__ == "__main__":
    main()
