"""Bounded waiting for a condition."""
import time


class Timeout(AssertionError):
    """A condition did not come true in time; an assertion, so that the test counts as failed, not as broken."""


def wait_until(condition, timeout, what):
    """Calls `condition` until it returns something true, and returns that. `what` (text or callable) explains a failure."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout(f"not within {timeout} s: {what() if callable(what) else what}")
        time.sleep(0.02)
