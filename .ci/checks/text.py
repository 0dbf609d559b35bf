#!/usr/bin/env python3
"""What no file may contain: left-over work marks, machine paths, trailing blanks; scripts that do not parse; tests that wait for a
while instead of for something; pages that name what is not there; and what the top level is."""
import os
import re
import subprocess
import sys

FORBIDDEN = [
    (re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b"), "a mark of unfinished work"),
    (re.compile(r"(?<![\w.])/(?:ro" r"ot|wo" r"rk|ho" r"me)/"), "a path of one machine"),
    (re.compile(r"[ \t]+$"), "trailing blanks"),
]
SKIP = {"LICENSE"}
# A test waits for conditions. Where the time itself is meant, a comment beside it or above it says so.
SLEEP = re.compile(r"(?<!def )\b(?:time\.sleep|asyncio\.sleep|sleep_for|sleep_until|g_usleep|usleep|nanosleep) ?\(")
COMMENT = re.compile(r"#|//")
LINK = re.compile(r"\]\(([^)\s]+)\)")
TOP = {"LICENSE", "README.md", "docs", "examples", "gst", "lib", "meson.build", "meson_options.txt", "subprojects", "tests"}
TEXT = (".cpp", ".hpp", ".h", ".py", ".sh", ".md", ".build", ".txt", ".proto", ".yaml", ".supp", ".in")


def is_test(path):
    return path.startswith("tests/") and re.search(r"_test\.(?:py|cpp)$", path)


def bare_sleeps(path, lines):
    for number, line in enumerate(lines, 1):
        if SLEEP.search(line) and not COMMENT.search(line) and not COMMENT.match(lines[number - 2].strip()):
            yield f"{path}:{number}: a test that waits for a while: wait for a condition, or say why it is the time that counts"


def title_anchors(path):
    with open(path, encoding="utf-8") as text:
        for line in text:
            if line.startswith("#"):
                yield re.sub(r"[^\w\- ]", "", line.strip("# \n").lower()).replace(" ", "-")


def dead_links(path, text):
    """Of a page; what is built into others (docs/elements/intro) is looked at there."""
    if "/intro/" in path:
        return
    for link in LINK.findall(text):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
        if not os.path.exists(target) or (anchor and anchor not in title_anchors(target)):
            yield f"{path}: {link} is not there"


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
        if is_test(path):
            problems += bare_sleeps(path, lines)
        if path.endswith(".md"):
            problems += dead_links(path, "\n".join(lines))
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
