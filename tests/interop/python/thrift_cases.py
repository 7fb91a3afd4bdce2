"""What a Thrift client does to a server, whichever library it is of."""

import threading
import time
import uuid

from peer import check, numbered

# An application exception's types by their numbers.
UNKNOWN_METHOD = 1
OUTCOMES = [
    "success", "exception", "bad_request", "no_route", "unavailable", "timeout", "overloaded", "bad_response",
    "too_large", "denied", "unimplemented", "cancelled", "server_error", "unknown",
]
TEXTS = ["", "hello", "wörld", "世界", "\U0001f600", 'a "quote", a \\ and a /', "\x01\t\r\n\x7f", numbered(70_000)]


class Cases:
    """`connect()` opens a connection, which holds

      client          its client of the service Wider
      named(service)  on the same connection, a client of Echo that names it so
      close()

    `types` has the structs, `failure` is the class of application exceptions.
    """

    def __init__(self, connect, types, failure):
        self.connect, self.types, self.failure = connect, types, failure
        self.link = connect()

    def case_call(self):
        echo(self.link.client, TEXTS)
        self.link.client.ping()

    def case_oneway(self):
        self.post(self.link.client)

    def post(self, client):
        mark = str(uuid.uuid4())
        check(client.posted(mark) == 0, "posted before it was")
        client.post(mark)
        end = time.monotonic() + 10
        while (count := client.posted(mark)) != 1:
            check(count == 0 and time.monotonic() < end, f"posted {count} times")
            time.sleep(0.01)

    def case_exception(self):
        for code in [7, 0, -(2**31), 2**31 - 1]:
            self.refused(self.link.client, code)
        echo(self.link.client, ["again"])

    def refused(self, client, code):
        try:
            client.refuse(code)
        except self.types.Refused as thrown:
            check((thrown.code, thrown.why) == (code, f"no {code}"), f"threw {thrown}")
        else:
            raise AssertionError("it did not refuse")

    def case_unknown_method(self):
        thrown = self.fails(lambda: self.link.client.missing("x"))
        check(thrown.type == UNKNOWN_METHOD, f"threw {thrown.type}: {thrown.message}")
        echo(self.link.client, ["again"])
        return thrown.message

    def fails(self, call):
        try:
            got = call()
        except self.failure as thrown:
            return thrown
        raise AssertionError(f"it answered {got}")

    def case_multiplexed(self):
        named = self.link.named("Echo")
        for _ in range(3):
            echo(named, TEXTS)
            echo(self.link.client, ["by no name"])
        self.post(named)
        self.refused(named, 5)
        named.ping()

    def case_nested(self):
        for value in [self.full(), self.plain()]:
            got = described(self.link.client.nested(value))
            check(got == described(value), f"came back as {got}")

    def full(self):
        leaf = self.types.Leaf
        return self.types.Nested(
            leaves={
                "two": [leaf(1, "leaf", 0.5, True), leaf(-(2**31), "", -1e300, False)],
                "none": [],
                "ünï": [leaf(2**31 - 1, "x" * 1000, 1 / 3, True)],
            },
            numbers={0, -1, 1, 2**53 + 1, -(2**63), 2**63 - 1},
            deep=[{1: ["a", ""], -7: []}, {}],
            leaf=leaf(5, "alone", 5e-324, False),
            flags=[True, False] * 20,
            small=-128,
            short_one=-(2**15),
        )

    def plain(self):
        empty = {"leaves": {}, "numbers": set(), "deep": [], "flags": []}
        return self.types.Nested(**empty, small=127, short_one=2**15 - 1)

    def case_body_1m(self):
        sent = numbered(2**20 - 256).encode() + bytes(range(256))
        got = self.link.client.bytes(sent)
        check(got == sent, f"{len(sent)} bytes went, other {len(got)} came back")

    def case_many(self):
        echo(self.link.client, [numbered(i * 37 % 5001, i) for i in range(200)])

    def case_concurrent(self):
        failed = []

        def one(number):
            try:
                link = self.connect()
                echo(link.client, [f"{number} {i} " + numbered(i * 97 % 1000, i) for i in range(50)])
                link.close()
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=one, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]

    def case_local_replies(self):
        types = []
        for outcome in OUTCOMES:
            echo(self.link.client, ["before"])
            thrown = self.fails(lambda: self.link.named(f"interop.reply.{outcome}").call("x"))
            types.append(f"{outcome} {thrown.type}")
        echo(self.link.client, ["after"])
        return ", ".join(types)


def echo(client, texts):
    for text in texts:
        got = client.call(text)
        check(got == text, f"sent {text[:30]!r} ({len(text)}), got {got[:30]!r} ({len(got)})")


def described(nested):
    """In a form that can be compared, whether a set came back as one or as a list."""
    return {
        "leaves": {name: [vars(leaf) for leaf in leaves] for name, leaves in nested.leaves.items()},
        "numbers": sorted(nested.numbers),
        "deep": nested.deep,
        "leaf": nested.leaf and vars(nested.leaf),
        "flags": nested.flags,
        "short": (nested.small, nested.short_one),
    }
