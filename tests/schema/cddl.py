# SPDX-License-Identifier: Apache-2.0
"""An interpreter of CDDL (RFC 8610) as far as doc/schema uses it, and the CBOR below it.

What it does not know is an error, never a pass: maps and arrays with occurrences, choices, ranges, enumerations, tags,
generics, .size, .regexp, .cbor.
"""

import re

TOKEN = re.compile(r'\s+|;[^\n]*|("(?:[^"\\]|\\.)*")|(#6\.\d+|#6)|(\d*\*\d*|\+|\?)(?=\s*[(\w"\[{&#-])|(-?\d+)|'
                   r'(\.\.|=>|//|\.[a-z]+|[=/,:(){}\[\]<>&])|([A-Za-z@_$][\w$@-]*)')
PRELUDE = {"any", "uint", "int", "bstr", "bytes", "tstr", "text", "bool", "true", "false", "null", "nil"}


class Tag:
    def __init__(self, number, value):
        self.number, self.value = number, value


def decode(data, at=0):
    """(value, next position) of one deterministic item."""
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if major < 7 and info >= 24:
        size = 1 << (info - 24)
        info, at = int.from_bytes(data[at:at + size], "big"), at + size
    if major == 0:
        return info, at
    if major == 1:
        return -1 - info, at
    if major in (2, 3):
        raw = bytes(data[at:at + info])
        return (raw if major == 2 else raw.decode()), at + info
    if major == 4:
        out = []
        for _ in range(info):
            item, at = decode(data, at)
            out.append(item)
        return out, at
    if major == 5:
        out = {}
        for _ in range(info):
            key, at = decode(data, at)
            if isinstance(key, dict | list | Tag):  # none of ours; a signature may look like one
                raise LookupError(key)
            out[key], at = decode(data, at)
        return out, at
    if major == 6:
        value, at = decode(data, at)
        return Tag(info, value), at
    return {20: False, 21: True, 22: None}[info], at


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    size = next(s for s in (1, 2, 4, 8) if n < 1 << 8 * s)
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[size]]) + n.to_bytes(size, "big")


def encode(value):
    if value is None or isinstance(value, bool):
        return bytes([{False: 0xF4, True: 0xF5, None: 0xF6}[value]])
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    if isinstance(value, Tag):
        return head(6, value.number) + encode(value.value)
    return head(5, len(value)) + b"".join(k + v for k, v in sorted((encode(k), encode(v)) for k, v in value.items()))


class Cddl:
    """Rules of one or more files; holds(value, "rule") says whether a value is what the rule describes."""

    def __init__(self, *texts):
        self.tokens, self.at, self.rules = [], 0, {}
        for text in texts:
            pos = 0
            while pos < len(text):
                m = TOKEN.match(text, pos)
                if not m:
                    raise SyntaxError(f"CDDL: {text[pos:pos + 40]!r}")
                if m[0].strip() and not m[0].startswith(";"):
                    self.tokens.append(m[0])
                pos = m.end()
        while self.at < len(self.tokens):
            name, params = self.take(), []
            if self.peek() == "<":
                params = self.listed("<", ">", self.take)
            self.expect("=")
            assert name not in self.rules, name
            self.rules[name] = (params, self.group_in("(", ")") if self.is_group() else self.type())
        for used in self.names(list(self.rules.values())):
            assert used in self.rules or used in PRELUDE or any(used in p for p, _ in self.rules.values()), f"no rule {used}"

    def names(self, node):
        if isinstance(node, tuple) and node and node[0] == "name":
            yield node[1]
        if isinstance(node, (tuple, list)):
            for part in node:
                yield from self.names(part)

    # ---- parsing

    def peek(self, ahead=0):
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else ""

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, token):
        if self.take() != token:
            raise SyntaxError(f"CDDL: {token} expected at {' '.join(self.tokens[self.at - 5:self.at + 3])}")

    def listed(self, first, last, item):
        self.expect(first)
        out = []
        while self.peek() != last:
            out.append(item())
            if self.peek() == ",":
                self.take()
        self.expect(last)
        return out

    def is_group(self):
        """A rule in parentheses with members, not a type in parentheses."""
        depth = 0
        for i in range(self.at, len(self.tokens)):
            token = self.tokens[i]
            depth += (token in "([{<") - (token in ")]}>")
            if depth == 1 and token in ("=>", ":", ","):
                return self.peek() == "("
            if depth == 0:
                return False
        return False

    def group_in(self, first, last):
        return ("group", self.listed(first, last, self.entry))

    def entry(self):
        low, high = 1, 1
        if re.fullmatch(r"\d*\*\d*|\+|\?", self.peek()):
            occur = self.take()
            low, high = {"?": (0, 1), "+": (1, None)}.get(occur) or tuple(
                int(n) if n else d for n, d in zip(occur.split("*"), (0, None)))
        if self.peek(1) == ":":
            key = self.take()
            self.take()
            return (low, high, None if not key.startswith('"') else ("value", key[1:-1]), self.type())
        value = self.type()
        if self.peek() == "=>":
            self.take()
            return (low, high, value, self.type())
        return (low, high, None, value)

    def type(self):
        choices = [self.type1()]
        while self.peek() == "/":
            self.take()
            choices.append(self.type1())
        return choices[0] if len(choices) == 1 else ("choice", choices)

    def type1(self):
        left = self.type2()
        if self.peek() == "..":
            self.take()
            return ("range", left, self.type2())
        if self.peek().startswith(".") and len(self.peek()) > 1:
            return ("control", self.take(), left, self.type2())
        return left

    def type2(self):
        token = self.peek()
        if token == "{":
            return ("map", self.listed("{", "}", self.entry))
        if token == "[":
            return ("array", self.listed("[", "]", self.entry))
        if token == "&":
            self.take()
            return ("choice", [e[3] for e in self.listed("(", ")", self.entry)])
        if token == "(":
            self.take()
            inner = self.type()
            self.expect(")")
            return inner
        self.take()
        if token.startswith("#6"):
            self.expect("(")
            inner = self.type()
            self.expect(")")
            return ("tag", int(token[3:]), inner)
        if token.startswith('"'):
            return ("value", token[1:-1].replace("\\\\", "\\"))
        if re.fullmatch(r"-?\d+", token):
            return ("value", int(token))
        args = self.listed("<", ">", self.type) if self.peek() == "<" else []
        return ("name", token, args)

    # ---- judging

    def holds(self, value, rule):
        return self.fits(value, ("name", rule, []), {})

    def fits(self, value, node, env):
        return getattr(self, "fits_" + node[0])(value, node, env)

    def fits_value(self, value, node, env):
        return type(value) is type(node[1]) and value == node[1]

    def fits_choice(self, value, node, env):
        return any(self.fits(value, n, env) for n in node[1])

    def fits_range(self, value, node, env):
        return type(value) is int and node[1][1] <= value <= node[2][1]

    def fits_tag(self, value, node, env):
        return isinstance(value, Tag) and value.number == node[1] and self.fits(value.value, node[2], env)

    def fits_name(self, value, node, env):
        name, args = node[1], node[2]
        if name in env:
            bound, outer = env[name]
            return self.fits(value, bound, outer)
        if name not in self.rules:
            return self.fits_prelude(value, name)
        params, body = self.rules[name]
        return self.fits(value, body, {p: (a, env) for p, a in zip(params, args, strict=True)})

    @staticmethod
    def fits_prelude(value, name):
        is_int = type(value) is int
        return {"any": True, "uint": is_int and value >= 0, "int": is_int, "bstr": isinstance(value, bytes),
                "bytes": isinstance(value, bytes), "tstr": isinstance(value, str), "text": isinstance(value, str),
                "bool": isinstance(value, bool), "true": value is True, "false": value is False, "null": value is None,
                "nil": value is None}[name]

    def fits_control(self, value, node, env):
        _, operator, base, arg = node
        if not self.fits(value, base, env):
            return False
        if operator == ".size":
            if type(value) is int:
                return value < 1 << 8 * arg[1]
            size = len(value.encode() if isinstance(value, str) else value)
            return arg[1][1] <= size <= arg[2][1] if arg[0] == "range" else size == arg[1]
        if operator == ".regexp":
            return re.fullmatch(arg[1], value) is not None
        if operator == ".cbor":
            try:
                inner, end = decode(value)
            except (LookupError, KeyError, UnicodeDecodeError):
                return False
            return end == len(value) and self.fits(inner, arg, env)
        raise SyntaxError(f"CDDL: {operator}")

    def entries(self, entries, env):
        """The members of a group, groups that it names unfolded."""
        for low, high, key, kind in entries:
            body = self.rules.get(kind[1], (None, ()))[1] if kind[0] == "name" else ()
            if key is None and body and body[0] == "group":
                yield from self.entries(body[1], env)
            else:
                yield low, high, key, kind

    def fits_map(self, value, node, env):
        if not isinstance(value, dict):
            return False
        left = dict(value)
        for low, high, key, kind in self.entries(node[1], env):
            found = [k for k in left if self.fits(k, key, env) and self.fits(left[k], kind, env)]
            if len(found) < low or (high is not None and len(found) > high):
                return False
            for k in found:
                del left[k]
        return not left

    def fits_array(self, value, node, env):
        if not isinstance(value, list):
            return False
        at = 0
        for low, high, _, kind in self.entries(node[1], env):
            n = 0
            while at < len(value) and (high is None or n < high) and self.fits(value[at], kind, env):
                at, n = at + 1, n + 1
            if n < low:
                return False
        return at == len(value)
