# SPDX-License-Identifier: Apache-2.0
"""The part of JSON Schema that doc/schema/*.schema.json use. A keyword that is not known is an error."""

import re

TYPES = {
    "object": dict, "array": list, "string": str, "null": type(None), "boolean": bool,
    "integer": int, "number": (int, float),
}
IGNORED = {"$schema", "$id", "$defs", "title", "description"}


def is_type(value, name):
    if isinstance(value, bool) and name in ("integer", "number"):
        return False
    return isinstance(value, TYPES[name])


def faults(value, schema, root, at=""):
    """Where `value` is not as `schema` says: a list of sentences, empty when all is well."""
    out = []
    for keyword, want in schema.items():
        if keyword in IGNORED or keyword in ("additionalProperties",):
            continue
        out += KEYWORDS[keyword](value, want, schema, root, at)
    return out


def ref(value, want, schema, root, at):
    target = root
    for part in want.removeprefix("#/").split("/"):
        target = target[part]
    return faults(value, target, root, at)


def type_(value, want, schema, root, at):
    names = want if isinstance(want, list) else [want]
    return [] if any(is_type(value, n) for n in names) else [f"{at or '/'} is {value!r}, not {want}"]


def properties(value, want, schema, root, at):
    if not isinstance(value, dict):
        return []
    out = [f for k, v in value.items() if k in want for f in faults(v, want[k], root, f"{at}/{k}")]
    return out


def additional(value, schema, root, at):
    rule = schema.get("additionalProperties", True)
    if not isinstance(value, dict) or rule is True:
        return []
    extra = [k for k in value if k not in schema.get("properties", {})]
    if rule is False:
        return [f"{at}/{k} is not known" for k in extra]
    return [f for k in extra for f in faults(value[k], rule, root, f"{at}/{k}")]


def required(value, want, schema, root, at):
    return [f"{at}/{k} is missing" for k in want if isinstance(value, dict) and k not in value]


def branches(value, want, root, at):
    return sum(not faults(value, s, root, at) for s in want)


KEYWORDS = {
    "$ref": ref,
    "type": lambda v, w, s, r, at: type_(v, w, s, r, at) + additional(v, s, r, at),
    "properties": properties,
    "required": required,
    "items": lambda v, w, s, r, at: [f for i, x in enumerate(v) for f in faults(x, w, r, f"{at}/{i}")] if isinstance(v, list) else [],
    "enum": lambda v, w, s, r, at: [] if v in w else [f"{at} is {v!r}, not one of {w}"],
    "const": lambda v, w, s, r, at: [] if v == w else [f"{at} is {v!r}, not {w!r}"],
    "pattern": lambda v, w, s, r, at: [] if not isinstance(v, str) or re.search(w, v) else [f"{at} is {v!r}, not {w}"],
    "minimum": lambda v, w, s, r, at: [] if not isinstance(v, (int, float)) or v >= w else [f"{at} is below {w}"],
    "maximum": lambda v, w, s, r, at: [] if not isinstance(v, (int, float)) or v <= w else [f"{at} is above {w}"],
    "minItems": lambda v, w, s, r, at: [] if not isinstance(v, list) or len(v) >= w else [f"{at} has fewer than {w} items"],
    "maxItems": lambda v, w, s, r, at: [] if not isinstance(v, list) or len(v) <= w else [f"{at} has more than {w} items"],
    "anyOf": lambda v, w, s, r, at: [] if branches(v, w, r, at) else [f"{at} fits no branch"],
    "oneOf": lambda v, w, s, r, at: [] if branches(v, w, r, at) == 1 else [f"{at} fits {branches(v, w, r, at)} branches"],
    "not": lambda v, w, s, r, at: [] if faults(v, w, r, at) else [f"{at} is what it must not be"],
}
