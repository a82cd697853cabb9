#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the section 3 manual pages (mdoc) of public headers from the headers themselves.

header_man.py VERSION LIBRARY FOLDER HEADER... : of include/cocos/x.h the page FOLDER/cocos-x.3. The first
comment says what the header is for; every declaration has a comment of its own; nothing else is known.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import pathlib
import re
import sys
import textwrap

DOC = r"/\*\*(?!<)(?P<doc>.*?)\*/\s*"
ITEM = re.compile(
    DOC + r"(?:(?P<macro>(?:#define[^\n]*\n)+)"
    r"|(?P<enum>enum\s+\w+\s*\{.*?\}\s*;)"
    r"|(?P<struct>typedef\s+struct\s+\w+\s*\{.*?\}\s*\w+\s*;)"
    r"|(?P<declaration>(?:typedef|COCOS_API)[^;]*;))",
    re.S,
)
TAG = re.compile(r"@(param|return|source|since|see)\b")


class Fault(Exception):
    """What keeps a header from having a page."""


@dataclasses.dataclass
class Item:
    """A declaration with what its comment says."""

    kind: str
    text: str
    summary: str
    tags: list[tuple[str, str]]


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def comment_text(body: str) -> str:
    """A comment without its stars; blank lines part paragraphs."""
    return "\n".join(re.sub(r"^\s*\*? ?", "", line).rstrip() for line in body.splitlines()).strip()


def items_of(text: str) -> list[Item]:
    items = []
    for m in ITEM.finditer(text):
        kind, body = next((k, m[k]) for k in ("macro", "enum", "struct", "declaration") if m[k])
        if kind == "declaration":
            kind = "function" if body.startswith("COCOS_API") else "type"
        summary, *rest = TAG.split(comment_text(m["doc"]))
        if not summary.strip():
            raise Fault(f"a comment that does not begin with what it is about: {one_line(body)}")
        tags = [(name, one_line(value)) for name, value in zip(rest[::2], rest[1::2])]
        items.append(Item(kind, body, summary.strip(), tags))
    return items


def introduction(text: str) -> str:
    m = re.search(r"#define \w+_H\n\s*/\*(?!\*)(.*?)\*/", text, re.S)
    if not m:
        raise Fault("its first comment does not say what it is for")
    return comment_text(m[1])


# --- roff ---


def escape(text: str) -> str:
    text = text.replace("\\", "\\e").replace("--", "\\-\\-")
    text = re.sub(r"(?<![\w])-(?=\d)", r"\\-", text)
    text = "".join(c if ord(c) < 128 else f"\\[u{ord(c):04X}]" for c in text)
    return re.sub(r"(^|(?<=\s))([.'])", r"\\&\2", text)


def marked(text: str) -> str:
    """Words that name something stand out, by font, so that punctuation may follow them."""
    text = escape(text)
    text = re.sub(r"@p (\w+)", r"\\fI\1\\fP", text)
    text = re.sub(r"`([^`]+)`", r"\\fB\1\\fP", text)
    text = re.sub(r"\b(COCOS_\w+)", r"\\fB\1\\fP", text)
    text = re.sub(r"\b(cocos_\w+)(?=\(\))", r"\\fB\1\\fP", text)
    return re.sub(r"\b([a-z][\w-]*)(?=\([1-9]\))", r"\\fB\1\\fP", text)


def sentences(text: str) -> list[str]:
    """One a line, as mdoc wants it."""
    return re.split(r"(?<=[.!?:;])\s+(?=[A-Z\"@`])", one_line(text))


def prose(text: str) -> list[str]:
    lines: list[str] = []
    for n, paragraph in enumerate(p for p in re.split(r"\n\s*\n", text) if p.strip()):
        lines += [".Pp"] if n else []
        for s in sentences(paragraph):
            lines += textwrap.wrap(marked(s), 78, break_long_words=False, break_on_hyphens=False)
    return lines


def quoted(argument: str) -> str:
    return '"' + argument.replace('"', "") + '"'


def function_parts(item: Item) -> tuple[str, str, list[str]]:
    """Type, name and parameters of a declaration, or of a typedef of a function pointer."""
    body = one_line(re.sub(r"\b(COCOS_API|COCOS_NODISCARD|COCOS_DEPRECATED|typedef)\b", "", item.text))
    m = re.fullmatch(r"(.*?)\(\*(\w+)\)\s*\((.*)\)\s*;", body) or re.fullmatch(
        r"(.*?)\b(\w+)\s*\((.*)\)\s*;", body
    )
    if not m:
        raise Fault(f"no function: {body}")
    return m[1].strip(), m[2], [p.strip() for p in m[3].split(",")]


def name_of(item: Item) -> str:
    if item.kind == "function":
        return function_parts(item)[1]
    patterns = {
        "macro": r"#define\s+(\w+)",
        "enum": r"(enum\s+\w+)",
        "struct": r"(\w+)\s*;\s*$",
        "type": r"\(\*(\w+)\)|(\w+)\s*;\s*$",
    }
    m = re.search(patterns[item.kind], item.text)
    if not m:
        raise Fault(f"no name: {item.text}")
    return next(g for g in m.groups() if g)


def fields(text: str, pattern: str) -> list[tuple[str, str]]:
    """Constants or members in braces, each with the comment behind it."""
    found = []
    inner = text[text.index("{") + 1 : text.rindex("}")]
    for m in re.finditer(pattern + r"\s*(?:/\*\*<(.*?)\*/)?", inner, re.S):
        found.append((one_line(m[1]), one_line(comment_text(m[2] or ""))))
    return found


def listed(pairs: list[tuple[str, str]], macro: str) -> list[str]:
    lines = [".Bl -tag -width Ds"]
    for head, text in pairs:
        lines += [f".It {macro} {quoted(escape(head))}"]
        lines += prose(text)
    return [*lines, ".El"]


def prototype(item: Item) -> list[str]:
    kind, name, parameters = function_parts(item)
    lines = [f".Ft {quoted(kind)}"]
    if item.kind == "type":
        return [*lines, f".Fo {quoted('(*' + name + ')')}", *(f".Fa {quoted(p)}" for p in parameters), ".Fc"]
    return [*lines, f".Fo {name}", *(f".Fa {quoted(p)}" for p in parameters), ".Fc"]


def tagged(item: Item) -> list[str]:
    """What stands behind the tags of a comment."""
    lines: list[str] = []
    params = [v.split(" ", 1) for t, v in item.tags if t == "param" and v]
    if params:
        lines += listed([(p[0], p[1] if len(p) > 1 else "") for p in params], "Fa")
    for tag, label in (("return", "Returns"), ("source", "Source:"), ("see", "See")):
        texts = [v for t, v in item.tags if t == tag]
        if texts:
            lines += [".Pp", *prose(f"{label} {' '.join(texts)}")]
    return lines


def described(item: Item) -> list[str]:
    name = name_of(item)
    title = f"Fn {name}" if item.kind == "function" else escape(name)
    lines = [f".Ss {title}", *prose(item.summary)]
    if item.kind == "enum":
        return lines + listed(fields(item.text, r"(\w+\s*=\s*-?\w+)\s*,?"), "Dv")
    if item.kind == "struct":
        return lines + listed(fields(item.text, r"(\w[^;]*);"), "Va")
    if item.kind == "macro":
        macros = re.findall(r"#define\s+(\w+)\s+([^\n]*)", item.text)
        return lines + listed([(f"{n} = {one_line(v)}", "") for n, v in macros], "Dv")
    if item.kind == "type" and "(*" in item.text:
        lines += [".Bd -filled -offset indent", *prototype(item), ".Ed"]
    return lines + tagged(item)


def date() -> str:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    day = datetime.datetime.now(datetime.timezone.utc)
    if epoch:
        day = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc)
    return f"{day:%B} {day.day}, {day.year}"


def heading(stem: str, names: list[str], about: str) -> list[str]:
    first = re.split(r"(?<=[.])\s", one_line(about))[0].rstrip(".")
    first = first[0].lower() + first[1:] if first[1:2].islower() else first
    names = [f"cocos-{stem}", *names]
    lines = [f".Dd {date()}", f".Dt COCOS-{stem.upper()} 3", ".Os", ".Sh NAME"]
    lines += [f".Nm {n} ," for n in names[:-1]] + [f".Nm {names[-1]}"]
    return [*lines, f".Nd {marked(first)}"]


def see_also(stem: str, text: str) -> list[str]:
    pages = {(n, "3") for n in re.findall(r"#include <cocos/(\w+)\.h>", text) if n != stem}
    pages = {(f"cocos-{n}", s) for n, s in pages | {("error", "3")} if n != stem}
    pages |= set(re.findall(r"\b(cocos[\w-]*)\(([1-9])\)", text))
    ordered = sorted(pages, key=lambda p: (p[1], p[0]))
    lines = [f".Xr {n} {s} ," for n, s in ordered]
    return [".Sh SEE ALSO", *lines[:-1], lines[-1].removesuffix(" ,")] if lines else []


def page(path: pathlib.Path, version: str, library: str) -> str:
    text = path.read_text(encoding="utf-8")
    items = items_of(text)
    functions = [i for i in items if i.kind == "function"]
    bare = re.sub(r"/\*.*?\*/|^\s*#.*?$", "", text, flags=re.S | re.M)
    if len(functions) != len(re.findall(r"\bCOCOS_API\b", bare)):
        raise Fault("a function has no comment of its own, or one that is not just before it")
    about = introduction(text)
    lines = heading(path.stem, [name_of(f) for f in functions], about)
    lines += [".Sh LIBRARY", f"{library} (pkg-config {library})"]
    lines += [".Sh SYNOPSIS", f".In cocos/{path.name}"]
    for f in functions:
        lines += prototype(f)
    lines += [".Sh DESCRIPTION", *prose(about)]
    for i in items:
        lines += described(i)
    lines += see_also(path.stem, text)
    since = sorted({one_line(v) for i in items for t, v in i.tags if t == "since"})
    lines += [".Sh HISTORY", f"Since libcocos {since[0] if since else version}."]
    lines += [f"{name_of(i)}: since {v}." for i in items for t, v in i.tags if t == "since" and v != since[0]]
    return "\n".join(lines) + "\n"


def main() -> int:
    version, library, folder, *headers = sys.argv[1:]
    for header in (pathlib.Path(h) for h in headers):
        try:
            text = page(header, version, library)
        except Fault as fault:
            print(f"{header}: {fault}", file=sys.stderr)
            return 1
        (pathlib.Path(folder) / f"cocos-{header.stem}.3").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
