"""Starting programs that a test sends signals to.

A program inherits the signals that its parent ignores, and Python then installs no handler for SIGINT. Under nohup the
tests ignore SIGHUP, in the background of a script SIGINT; the signal that a test sends would have no effect.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)


@contextmanager
def default_signals() -> Iterator[None]:
    """Programs started in this block have the default handlers of all signals.

    Our own process keeps ignoring a signal, by a handler that does nothing: exec resets handlers, but keeps SIG_IGN.
    """
    ignored = [number for number in SIGNALS if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, lambda _number, _frame: None)
    try:
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
