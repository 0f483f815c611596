#!/usr/bin/env python3
"""Fails when an include in src/ breaks docs/layers.txt. Usage: tools/check_layers.py [repository root]"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent)
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
OPEN_API = {"glossa/error.hpp", "glossa/types.hpp", "glossa/export.h"}


def read_rules():
    rooms, headers = {}, {}
    for line in (ROOT / "docs/layers.txt").read_text().splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        left, right = line.split(":", 1)
        if left.startswith("headers "):
            headers[left.split()[1]] = set(right.split())
        else:
            rooms[left] = set(right.split()) | {"base", left}
    return rooms, headers


def violations():
    rooms, headers = read_rules()
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix not in (".h", ".cc"):
            continue
        room = path.relative_to(ROOT / "src").parts[0]
        where = path.relative_to(ROOT)
        if room not in rooms:
            yield f"{where}: room '{room}' is not in docs/layers.txt"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            header = match.group(1)
            first = header.split("/")[0]
            if first == "glossa" and header not in OPEN_API and "api" not in rooms[room]:
                yield f"{where}:{number}: room '{room}' may not include the public {header}"
            if first in rooms and "/" in header and first not in rooms[room]:
                yield f"{where}:{number}: room '{room}' may not include {header}"
            for prefix, allowed in headers.items():
                if header.startswith(prefix) and room not in allowed:
                    yield f"{where}:{number}: room '{room}' may not include {header}"


def main():
    found = list(violations())
    print("\n".join(found) if found else "layers: ok")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
