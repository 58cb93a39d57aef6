# SPDX-License-Identifier: LGPL-2.1-or-later
"""TAP output for test scripts: numbered cases, a failure explained in diagnostic lines."""

import contextlib
import sys
import time
import traceback


class Skip(Exception):
    """Raised where the environment makes a test impossible; the text says what is missing."""


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def say(self, text):
        for line in str(text).rstrip("\n").split("\n"):
            print("#", line, flush=True)

    def result(self, ok, name, directive=""):
        self.count += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}{directive}", flush=True)
        return ok

    @contextlib.contextmanager
    def case(self, name):
        """One test. An exception in its body makes it fail, and the script goes on after it."""
        start = time.monotonic()
        try:
            yield
        except Skip as reason:
            self.result(True, name, f" # SKIP {reason}")
        except Exception as error:
            self.result(False, name)
            place = traceback.extract_tb(error.__traceback__)[-1]
            self.say(f"{type(error).__name__}: {error}")
            self.say(f"at {place.filename}:{place.lineno}, after {time.monotonic() - start:.1f} s")
        else:
            self.result(True, f"{name} ({time.monotonic() - start:.1f} s)")

    @contextlib.contextmanager
    def guard(self, name):
        """Around several cases: what fails between them fails as a case of that name."""
        try:
            yield
        except Skip:
            raise
        except Exception as error:
            with self.case(name):
                raise error

    def finish(self):
        """Prints the plan and ends the script."""
        print(f"1..{self.count}", flush=True)
        sys.exit(1 if self.failed or not self.count else 0)


class Attempt(Tap):
    """Cases that count only once told to another Tap."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def say(self, text):
        self.lines.append(lambda tap: tap.say(text))

    def result(self, ok, name, directive=""):
        self.failed += not ok
        self.lines.append(lambda tap: tap.result(ok, name, directive))
        return ok

    def tell(self, tap):
        for line in self.lines:
            line(tap)

    def tell_as_comment(self, tap):
        """For what is tried again."""
        comment = Attempt()
        comment.result = lambda ok, name, directive="": tap.say(
            f"{'ok' if ok else 'failed'} - {name}{directive}")
        comment.say = tap.say
        self.tell(comment)


def skip_all(reason):
    print("1..0 # SKIP", "; ".join(str(reason).split("\n")), flush=True)
    sys.exit(0)
