#!/usr/bin/env python3
"""What no file may contain: left-over work marks, machine paths, trailing blanks; scripts that do not parse; and what the top
level is."""
import re
import subprocess
import sys

FORBIDDEN = [
    (re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b"), "a mark of unfinished work"),
    (re.compile(r"(?<![\w.])/(?:ro" r"ot|wo" r"rk|ho" r"me)/"), "a path of one machine"),
    (re.compile(r"[ \t]+$"), "trailing blanks"),
]
SKIP = {"LICENSE"}
TOP = {"LICENSE", "README.md", "docs", "examples", "gst", "lib", "meson.build", "meson_options.txt", "subprojects", "tests"}
TEXT = (".cpp", ".hpp", ".h", ".py", ".sh", ".md", ".build", ".txt", ".proto", ".yaml", ".supp", ".in")


def main():
    files = subprocess.run(["git", "ls-files"], stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")
    problems = []
    for path in files:
        if (top := path.split("/")[0]) and top not in TOP and not top.startswith("."):
            problems.append(f"{path}: {top} does not belong at the top level")
        if not path.endswith(TEXT) or path in SKIP:
            continue
        try:
            with open(path, encoding="utf-8") as text:
                lines = text.read().split("\n")
        except FileNotFoundError:
            continue
        for number, line in enumerate(lines, 1):
            problems += [f"{path}:{number}: {what}" for pattern, what in FORBIDDEN if pattern.search(line)]
        if path.endswith(".py"):
            try:
                compile("\n".join(lines), path, "exec")
            except SyntaxError as error:
                problems.append(f"{path}: {error}")
        if lines[0].startswith("#!") and "bash" in lines[0]:
            done = subprocess.run(["bash", "-n", path], stderr=subprocess.PIPE, text=True, check=False)
            problems += [done.stderr.strip()] if done.returncode else []
            if not any("set -euo pipefail" in line for line in lines[:20]):
                problems.append(f"{path}: a script starts with set -euo pipefail")
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
