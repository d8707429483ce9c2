#!/usr/bin/env python3
"""No committed file names one machine's folders or a package registry's hosts, or holds something like a NIK.

Such paths break for everyone else; registry hosts belong to the machine's own settings; and a sixteen-digit number
that reads as a NIK (province, regency, district, birth date) may be a living person's.
"""

import re
import subprocess
import sys

# Assembled from parts, so that this file does not find itself.
HOMES = "|".join("/" + name + "/" for name in ("work", "root", "Users", "home/[a-z]+"))
HOSTS = "|".join(
    host.replace(" ", r"\.")
    for host in ("registry npmjs org", "files pythonhosted org", "pypi org", "static crates io", "index crates io")
)
RULES = [
    ("a path of one machine", re.compile(rf"(?<![\w.)}}\]-])(?:{HOMES})")),
    ("a registry's host", re.compile(HOSTS)),
    (
        "a number like a NIK",
        re.compile(r"(?<![\w.])[1-9][1-9]\d{4}(?:0[1-9]|[12]\d|3[01]|4[1-9]|[56]\d|7[01])(?:0[1-9]|1[0-2])\d{6}(?![\w.])"),
    ),
]
LOCK_FILES = {"Cargo.lock"}


def main() -> int:
    names = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True).stdout.split("\0")
    bad = 0
    for name in filter(None, names):
        if name in LOCK_FILES:
            continue
        try:
            with open(name, encoding="utf-8") as file:
                lines = file.readlines()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        for number, line in enumerate(lines, 1):
            for what, rule in RULES:
                if found := rule.search(line):
                    print(f"{name}:{number}: {what}: …{found.group()}…", file=sys.stderr)
                    bad += 1
    print(f"tree: {len(names) - 1} files, {bad} findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
