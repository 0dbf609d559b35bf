#!/usr/bin/env python3
"""Runs one test file and writes a line of JSON per finished case, so that a file cut off by its time-out still counts.

    runner.py FILE RESULTS [NAME-SUBSTRING]

A case that failed runs once more at the end, because most cases measure real time on a machine that may be busy:
tests/count.py names those that needed it and allows only a few. Classes whose subject are crashes and leaks say
`second_go = False`.
"""
import importlib.util
import json
import os
import signal
import sys
import time
import traceback
import unittest


def stop_cleanly(*_):
    """A time-out from outside must still stop servers and pipelines, which exit handlers do."""
    raise KeyboardInterrupt


class Result(unittest.TextTestResult):
    out = None

    def startTest(self, test):
        super().startTest(test)
        self._begin = time.monotonic()
        self._write("start", test)

    def _write(self, outcome, test, text=""):
        self.out.write(json.dumps({"case": str(getattr(test, "id", lambda: test)()), "outcome": outcome, "text": text,
                                   "seconds": round(time.monotonic() - getattr(self, "_begin", time.monotonic()), 2)})
                       + "\n")
        self.out.flush()

    def addSuccess(self, test):
        super().addSuccess(test)
        self._write("pass", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._write("fail", test, "".join(traceback.format_exception(*err)))

    def addError(self, test, err):
        super().addError(test, err)
        self._write("fail", test, "".join(traceback.format_exception(*err)))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._write("fail", test, "".join(traceback.format_exception(*err)))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._write("skip", test, reason)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self._write("pass", test)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._write("fail", test, "unexpected success")


def cases(suite):
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from cases(one)
        else:
            yield one


def run(suite):
    return unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result).run(suite)


def to_repeat(outcome):
    """The names of failed cases that may run once more."""
    tests = (getattr(test, "test_case", test) for test, _ in outcome.failures + outcome.errors)
    return {test.id() for test in tests if isinstance(test, unittest.TestCase) and getattr(test, "second_go", True)}


def main():
    path, results = os.path.abspath(sys.argv[1]), sys.argv[2]
    sys.path[:0] = [os.path.dirname(path), os.path.dirname(os.path.abspath(__file__))]
    signal.signal(signal.SIGTERM, stop_cleanly)
    name = os.path.splitext(os.path.basename(path))[0]
    with open(results, "w", encoding="utf-8") as out:
        Result.out = out
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        loader = unittest.TestLoader()
        if len(sys.argv) > 3:
            loader.testNamePatterns = [f"*{sys.argv[3]}*"]
        outcome = run(loader.loadTestsFromModule(module))
        if names := to_repeat(outcome):
            print(f"\nonce more: {', '.join(sorted(names))}", flush=True)
            run(unittest.TestSuite(case for case in cases(loader.loadTestsFromModule(module)) if case.id() in names))
        out.write(json.dumps({"outcome": "end"}) + "\n")
    return 0 if outcome.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
