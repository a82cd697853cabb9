# SPDX-License-Identifier: Apache-2.0
"""Write a file's bytes as a C array: embed.py INPUT OUTPUT NAME."""
import sys


def main() -> None:
    source, target, name = sys.argv[1:]
    with open(source, "rb") as f:
        data = f.read()
    rows = [data[i : i + 16] for i in range(0, len(data), 16)]
    with open(target, "w", encoding="ascii") as f:
        f.write("/* Generated. */\n#include <stddef.h>\n#include <stdint.h>\n")
        f.write(f"extern const uint8_t {name}[];\nextern const size_t {name}_len;\n")
        f.write(f"const uint8_t {name}[] = {{\n")
        for row in rows:
            f.write("    " + "".join(f"{b}," for b in row) + "\n")
        f.write(f"}};\nconst size_t {name}_len = sizeof {name};\n")


main()
