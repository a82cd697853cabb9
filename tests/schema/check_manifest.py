#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Manifests that the code emits are what manifest.schema.json and manifest.cddl describe, and the other way round."""

import copy
import json
import pathlib
import re
import subprocess
import sys

from cddl import decode

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}


class Fault(Exception):
    pass


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def holds(schema, value, root):
    try:
        validate(schema, value, root, "")
        return True
    except Fault:
        return False


def need(condition, where, what):
    if not condition:
        raise Fault(f"{where or '/'}: {what}")


# The words of JSON Schema that manifest.schema.json uses; an unknown one is a fault, not a pass.
NOTES = {"$schema", "$comment", "$defs", "title", "description"}


def validate(schema, value, root, where):
    known = NOTES | {"properties", "additionalProperties", "required"}
    for word, arg in schema.items():
        if word == "$ref":
            validate(root["$defs"][arg.rsplit("/", 1)[1]], value, root, where)
        elif word == "type":
            need(is_type(value, arg), where, f"is no {arg}")
        elif word == "const":
            need(value == arg, where, f"is not {arg}")
        elif word == "enum":
            need(value in arg, where, f"is none of {arg}")
        elif word == "pattern":
            need(re.search(arg, value), where, f"does not match {arg}")
        elif word in ("minLength", "maxLength", "minItems", "maxItems"):
            need(len(value) >= arg if word[:3] == "min" else len(value) <= arg, where, f"{word} {arg}")
        elif word in ("minimum", "maximum"):
            need(value >= arg if word[:3] == "min" else value <= arg, where, f"{word} {arg}")
        elif word == "uniqueItems":
            need(len({json.dumps(v) for v in value}) == len(value), where, "has equal items")
        elif word == "items":
            for i, item in enumerate(value):
                validate(arg, item, root, f"{where}/{i}")
        elif word == "not":
            need(not holds(arg, value, root), where, "is what it must not be")
        elif word in ("anyOf", "oneOf"):
            n = sum(holds(s, value, root) for s in arg)
            need(n == 1 or (n > 1 and word == "anyOf"), where, f"{word}: {n} hold")
        elif word not in known:
            raise Fault(f"the schema uses {word}, which this test does not know")
    if isinstance(value, dict):
        for name in schema.get("required", []):
            need(name in value, where, f"{name} is missing")
        for name, sub in schema.get("properties", {}).items():
            if name in value:
                validate(sub, value[name], root, f"{where}/{name}")
        if schema.get("additionalProperties") is False:
            need(set(value) <= set(schema["properties"]), where, f"has members beyond {sorted(schema['properties'])}")


def names_of(schema, root, where=""):
    """Every member that the schema knows, as paths; arrays are /*."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    for name, sub in schema.get("properties", {}).items():
        yield f"{where}/{name}"
        yield from names_of(sub, root, f"{where}/{name}")
    if "items" in schema:
        yield from names_of(schema["items"], root, f"{where}/*")


def paths_of(value, where=""):
    if isinstance(value, dict):
        for name, sub in value.items():
            yield f"{where}/{name}"
            yield from paths_of(sub, f"{where}/{name}")
    elif isinstance(value, list):
        for sub in value:
            yield from paths_of(sub, f"{where}/*")


def cddl_rules(text):
    """Rule name -> {member: optional}; groups that a rule includes are unfolded by the caller."""
    text = re.sub(r";[^\n]*", "", text)
    rules = {}
    for name, body in re.findall(r"^([a-z-]+) = [{(]\n(.*?)^[})]", text, re.S | re.M):
        members = {m: bool(q) for q, m in re.findall(r'(?:^|[{,])\s*(\?)?\s*"(\w+)" =>', body, re.M)}
        rules[name] = (members, "asset," in body)
    return rules


# Where each rule of the CDDL applies in a manifest, and what stands in it without being a direct member there: names
# within maps that the rule spells out, and what only the algorithm of the full manifest shows.
PLACES = {"manifest": ("", {"user_key"}), "algorithm": ("/algorithm", {"url", "enabled"}),
          "dataset": ("/datasets/*", {"url", "enabled", "source", "kbs"}), "source": ("/algorithm/source", set()),
          "job": ("/job", set()), "agent-config": ("/agent_config", set())}


def check_cddl(text, small, full):
    rules = cddl_rules(text)
    for rule, (place, elsewhere) in PLACES.items():
        members, with_asset = rules[rule]
        if with_asset:
            members = {**members, **rules["asset"][0]}
        direct = {p.rsplit("/", 1)[1] for p in paths_of(full) if p.rsplit("/", 1)[0] == place}
        need(direct <= set(members), place, f"emitted beyond the CDDL: {sorted(direct - set(members))}")
        need(set(members) - direct <= elsewhere, place, f"only in the CDDL: {sorted(set(members) - direct)}")
    always = {m for m, optional in rules["manifest"][0].items() if not optional} - {"user_key"}
    need(set(small) == always, "", f"a small manifest has {sorted(small)}, the CDDL asks for {sorted(always)}")


def refused(schema, manifest):
    """Changes that the schema must refuse, so that it cannot be one that accepts everything."""
    for path, value in ((("version",), 2), (("id",), "a/b"), (("algorithm", "hash"), "00"), (("algorithm", "user_key"), 1),
                        (("datasets", 0, "filename"), ".."), (("result_consumers",), []), (("approvals",), ["boss"]),
                        (("job", "cpu"), 0), (("job", "output"), "all"), (("agent_config", "cert_file"), "/etc/passwd"),
                        (("more",), 1), (("algorithm", "more"), 1), (("datasets", 1, "hash"), None), (("job", "memory"), "1T")):
        changed = copy.deepcopy(manifest)
        at = changed
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        need(not holds(schema, changed, schema), "/".join(map(str, path)), f"the schema accepts {value!r}")


def main():
    emit, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    out = {(form, kind): subprocess.run([emit, form, kind], check=True, stdout=subprocess.PIPE).stdout
           for form in ("full", "small") for kind in ("json", "cbor")}
    schema = json.loads((folder / "manifest.schema.json").read_text())
    full, small = (json.loads(out[form, "json"]) for form in ("full", "small"))
    for manifest in (full, small):
        validate(schema, manifest, schema, "")
    known, emitted = set(names_of(schema, schema)), set(paths_of(full))
    inputs_only = {p for p in known if p.endswith("/file")}
    # `source` and `kbs` of a data set are those of the algorithm, which the full manifest shows.
    shown = {p.replace("/algorithm/", "/datasets/*/") for p in emitted if "/source" in p or "/kbs" in p}
    need(known - inputs_only == emitted | shown, "", f"differ: {sorted((known - inputs_only) ^ (emitted | shown))}")
    refused(schema, full)

    cbor = {form: decode(out[form, "cbor"]) for form in ("full", "small")}
    for form, (value, end) in cbor.items():
        need(end == len(out[form, "cbor"]), form, "bytes behind the map")
    check_cddl((folder / "manifest.cddl").read_text(), cbor["small"][0], cbor["full"][0])
    print(f"{len(emitted)} members, {len(known)} in the schema: they agree")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Fault as fault:
        print(fault)
        sys.exit(1)
