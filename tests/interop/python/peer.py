"""What peers in Python share: how they are started, and how they tell what came of it."""

import os
import sys
import threading
import traceback


def say(line):
    print(line, flush=True)


def check(holds, what):
    if not holds:
        raise AssertionError(what)


def numbered(size, first=1):
    """The lines "1", "2", ... cut at size: no two places in it look the same."""
    lines, length, i = [], 0, first
    while length < size:
        lines.append(f"{i}\n")
        length += len(lines[-1])
        i += 1
    return "".join(lines)[:size]


def serve(run, seconds):
    """Runs a server until the input ends."""

    def end_with_it():
        try:
            run()
        finally:
            traceback.print_exc()
            os._exit(2)

    threading.Thread(target=end_with_it, daemon=True).start()
    late = threading.Timer(seconds, os._exit, [1])
    late.daemon = True
    late.start()
    while os.read(0, 4096):
        pass
    os._exit(0)


def ask(prepare, names):
    """A line for each case; `prepare()` answers with what has them as methods `case_NAME`."""
    try:
        cases = prepare()
    except Exception as error:
        for name in names:
            say(f"{name} FAIL {line(error)}")
        os._exit(0)
    for name in names:
        try:
            say(f"{name} ok {getattr(cases, 'case_' + name.replace('-', '_'))() or ''}")
        except Exception as error:  # Whatever it is, it has failed the case.
            traceback.print_exc()
            say(f"{name} FAIL {line(error)}")
    os._exit(0)


def line(error):
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def flavoured(version, server, client):
    """`PROGRAM FLAVOUR server PORT SECONDS`, `PROGRAM FLAVOUR client HOST:PORT CASE...` or `PROGRAM version`.

    `server(flavour, port)` serves, and says READY; `client(flavour, host, port)` answers with the cases.
    """
    if sys.argv[1:] == ["version"]:
        return say(version)
    flavour, role, where, *rest = sys.argv[1:]
    if role == "server":
        return serve(lambda: server(flavour, int(where)), int(rest[0]))
    check(role == "client", f"cannot do {role}")
    host, _, port = where.partition(":")
    return ask(lambda: client(flavour, host, int(port)), rest)
