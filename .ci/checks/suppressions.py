#!/usr/bin/env python3
"""Every suppression stands below a comment that proves it, and none names our own code."""
import glob
import re
import sys

OURS = re.compile(r"\blk::|_ZN2lk|livekit|lkcore", re.IGNORECASE)


def entries(lines):
    """(line number, text, comment above it) of each suppression; a valgrind block is one entry."""
    comment, block = [], None
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if block is not None:
            block[1] += " " + line
            if line == "}":
                yield (*block, " ".join(comment))
                block, comment = None, []
        elif line.startswith("#"):
            comment.append(line)
        elif line == "{":
            block = [number, ""]
        elif line:
            yield number, line, " ".join(comment)
        else:
            comment = []


def main():
    problems = []
    for path in sorted(glob.glob(".ci/suppressions/*.supp")):
        with open(path, encoding="utf-8") as text:
            for number, entry, comment in entries(text.read().split("\n")):
                if OURS.search(entry):
                    problems.append(f"{path}:{number}: suppresses our own code")
                if "Proof:" not in comment:
                    problems.append(f"{path}:{number}: no comment with 'Proof:' above it")
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
