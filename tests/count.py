#!/usr/bin/env python3
"""Adds up what the runs of tests/run.sh left behind: `count.py DIRECTORY` reads checks.tsv, meson.*, *.jsonl there.

Prints what was skipped and why, the failures, then `N passed, N failed[, N skipped][, N at the second go]`. Exit code 0 only if something passed and nothing failed.
Cases that passed at their second go only are named; more than SECOND_GOES of them are a failure.
"""
import collections
import glob
import json
import os
import sys
import xml.etree.ElementTree as ET

SECOND_GOES = 6  # of some 200 cases that measure real time

counts = collections.Counter()
failures = []
skipped = []
again = []


def add(outcome, name, text=""):
    counts[outcome] += 1
    if outcome == "fail":
        failures.append((name, text.strip()))
    if outcome == "skip":
        skipped.append((name, text.strip()))


def read_checks(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            outcome, name = line.rstrip("\n").split("\t", 1)
            add(outcome, name)


def read_meson(junit, log):
    """Cases from the JUnit file; a program that failed without a failed case (crash, time-out) counts as one."""
    failed_programs = set()
    with open(log, encoding="utf-8") as lines:
        tests = [json.loads(line) for line in lines]
    said = {test["name"].split(":")[-1]: (test.get("stdout") or "") + (test.get("stderr") or "") for test in tests}
    for suite in ET.parse(junit).getroot().iter("testsuite"):
        # Suites of a gtest program are called project.program.Suite; the suite "project" lists the other programs.
        parts = suite.get("name", "").split(".")
        for case in suite.findall("testcase"):
            program = parts[1] if len(parts) > 1 else case.get("name", "").split(".")[-1]
            name = f"{suite.get('name')}: {case.get('classname', '')}.{case.get('name')}"
            problem = case.find("failure") if case.find("failure") is not None else case.find("error")
            if problem is not None:
                add("fail", name, problem.get("message") or problem.text or said.get(program, ""))
                failed_programs.add(program)
            else:
                add("skip" if case.find("skipped") is not None or case.get("status") == "notrun" else "pass", name)
    for test in tests:
        program = test["name"].split(":")[-1]
        if test["result"] in ("FAIL", "ERROR", "TIMEOUT", "INTERRUPT") and program not in failed_programs:
            add("fail", f"{test['name']} ({test['result']})", said[program])


def read_python(path):
    """Of a case that ran twice the second outcome counts."""
    name = os.path.basename(path)[:-len(".jsonl")]
    running, ended, goes = None, False, collections.defaultdict(list)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["outcome"] == "end":
                ended = True
            elif entry["outcome"] == "start":
                running = entry["case"]
                goes[running].append([])
            else:
                if entry["case"] not in goes:  # what belongs to a whole class
                    goes[entry["case"]].append([])
                goes[entry["case"]][-1].append((entry["outcome"], entry["text"]))
                running = None
    for case, runs in goes.items():
        for outcome, text in runs[-1]:
            add(outcome, case, text)
        if len(runs) > 1 and [outcome for outcome, _ in runs[-1]] == ["pass"]:
            again.append((case, runs[0][0][1] if runs[0] else ""))
    if not ended:
        add("fail", running or name, "the test program crashed or ran into its time limit here")


def show(title, cases):
    print(f"\n{title}:")
    for name, text in cases:
        print(f"  {name}")
        print(*("      " + line for line in text.strip().splitlines()[-12:]), sep="\n")
    print()


def main():
    directory = sys.argv[1]
    if os.path.exists(os.path.join(directory, "checks.tsv")):
        read_checks(os.path.join(directory, "checks.tsv"))
    junit, log = (os.path.join(directory, name) for name in ("meson.xml", "meson.json"))
    if os.path.exists(junit) and os.path.exists(log):
        read_meson(junit, log)
    for path in sorted(glob.glob(os.path.join(directory, "*.jsonl"))):
        read_python(path)
    if skipped:
        show("Skipped", skipped)
    if again:
        show("Passed at the second go only", again)
    if len(again) > SECOND_GOES:
        add("fail", "second goes", f"{len(again)} cases needed one, {SECOND_GOES} may")
    if failures:
        show("Failed", failures)
    line = f"{counts['pass']} passed, {counts['fail']} failed"
    print(line + (f", {counts['skip']} skipped" if counts["skip"] else "") + (f", {len(again)} at the second go" if again else ""))
    return 0 if counts["pass"] and not counts["fail"] else 1


if __name__ == "__main__":
    sys.exit(main())
