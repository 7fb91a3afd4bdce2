"""grpcio as a peer: `grpc_peer.py server PORT SECONDS`, `client HOST:PORT CASE...` or `version`."""

import asyncio
import os
import sys
import time

import grpc
import grpc.aio

SERVICE = "interop.Echo"
SIZES = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
CODES = {code.value[0]: code for code in grpc.StatusCode}


def filled(i, size):
    """Message i of a stream."""
    return bytes([i % 251]) * size


def numbered(size):
    """The lines "1", "2", ... cut at size: no two places in it look the same."""
    lines, length, i = [], 0, 0
    while length < size:
        i += 1
        lines.append(b"%d\n" % i)
        length += len(lines[-1])
    return b"".join(lines)[:size]


# ---- the server


class Echo(grpc.GenericRpcHandler):
    """The service interop.Echo, which peers.toml describes."""

    def __init__(self, port):
        self.port = port
        self.begun = self.cancelled = 0
        self.deadline = -1
        self.server = None
        self.tasks = set()
        self.methods = {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "Slow": grpc.unary_unary_rpc_method_handler(self.slow),
            "Count": grpc.unary_unary_rpc_method_handler(self.count),
            "Drain": grpc.unary_unary_rpc_method_handler(self.drain),
            "ServerStream": grpc.unary_stream_rpc_method_handler(self.server_stream),
            "ClientStream": grpc.stream_unary_rpc_method_handler(self.client_stream),
            "Bidi": grpc.stream_stream_rpc_method_handler(self.bidi),
        }

    async def start(self):
        self.server = grpc.aio.server(options=SIZES)
        self.server.add_generic_rpc_handlers((self,))
        if self.server.add_insecure_port(f"127.0.0.1:{self.port}") != self.port:
            raise OSError("the port is taken")
        await self.server.start()

    def service(self, details):
        service, _, method = details.method.lstrip("/").partition("/")
        return self.methods.get(method) if service == SERVICE else None

    async def unary(self, request, context):
        ours = [(name[2:], value) for name, value in context.invocation_metadata() if name.startswith("x-")]
        await context.send_initial_metadata(tuple(("back-" + name, value) for name, value in ours))
        context.set_trailing_metadata(tuple(("trail-" + name, value) for name, value in ours))
        return request

    async def fail(self, request, context):
        code, text = request.decode().split(" ", 1)
        await context.abort(CODES[int(code)], text)

    async def slow(self, request, context):
        left = context.time_remaining()
        self.deadline = -1 if left is None else int(left * 1000)
        self.begun += 1
        try:
            await context.send_initial_metadata((("slow", "begun"),))
            await asyncio.sleep(int(request) / 1000)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return b"slept"

    async def count(self, _request, _context):
        return b"%d %d %d" % (self.begun, self.cancelled, self.deadline)

    async def drain(self, _request, _context):
        old = self.server
        # Both may listen at once.
        await self.start()
        task = asyncio.create_task(old.stop(10))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return b""

    async def server_stream(self, request, context):
        count, size = map(int, request.split())
        for i in range(count):
            await context.write(filled(i, size))

    async def client_stream(self, messages, _context):
        count = size = 0
        async for message in messages:
            count += 1
            size += len(message)
        return b"%d %d" % (count, size)

    async def bidi(self, messages, context):
        async for message in messages:
            await context.write(message)


async def serve(port, seconds):
    await Echo(port).start()
    say(f"READY {port}")

    def until_the_end_of_input():
        while os.read(0, 4096):
            pass
        os._exit(0)

    asyncio.get_running_loop().run_in_executor(None, until_the_end_of_input)
    await asyncio.sleep(seconds)
    os._exit(1)


# ---- the client


class Cases:
    """The cases, all of them on one channel."""

    def __init__(self, address):
        again = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 200)]
        self.channel = grpc.aio.insecure_channel(address, options=[*SIZES, *again, ("grpc.enable_http_proxy", 0)])
        self.unary_call = self.method("Unary")
        self.slow_call = self.method("Slow")

    def method(self, name, kind="unary_unary"):
        return getattr(self.channel, kind)(f"/{SERVICE}/{name}")

    async def run(self, name):
        return await asyncio.wait_for(getattr(self, "case_" + name.replace("-", "_"))(), 80) or ""

    async def echoed(self, sent):
        got = await self.unary_call(sent, timeout=60)
        check(got == sent, f"{len(sent)} bytes went, other {len(got)} came back")

    async def counts(self):
        return [int(n) for n in (await self.method("Count")(b"", timeout=30)).split()]

    async def until_cancelled(self, count):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            now = await self.counts()
            if now[1] == count:
                return now
            await asyncio.sleep(0.01)
        raise AssertionError(f"the server saw {now[1]} cancelled, not {count}")

    async def case_unary(self):
        for size in range(100):
            await self.echoed(numbered(size * size))

    async def streamed(self, count, size):
        got = [message async for message in self.method("ServerStream", "unary_stream")(b"%d %d" % (count, size), timeout=60)]
        check(got == [filled(i, size) for i in range(count)], f"of {count} messages {len(got)} came, or others")

    async def case_server_stream(self):
        for count, size in [(1000, 1000), (0, 0), (3, 100_000), (5, 0)]:
            await self.streamed(count, size)

    async def sent(self, count, size):
        got = await self.method("ClientStream", "stream_unary")((bytes(size) for _ in range(count)), timeout=60)
        check(got == b"%d %d" % (count, count * size), f"got {got}")

    async def case_client_stream(self):
        for count, size in [(1000, 1000), (0, 0), (3, 100_000), (5, 0)]:
            await self.sent(count, size)

    async def case_bidi(self):
        call = self.method("Bidi", "stream_stream")(timeout=60)
        for i in range(100):
            await call.write(filled(i, i * 10))
            check(await call.read() == filled(i, i * 10), f"message {i} is another")

        async def write():
            for i in range(2000):
                await call.write(filled(i, 1000))
            await call.done_writing()

        writing = asyncio.create_task(write())
        for i in range(2000):
            check(await call.read() == filled(i, 1000), f"message {i} of many is another")
        check(await call.read() is grpc.aio.EOF, "there is more")
        await writing
        check(await call.code() == grpc.StatusCode.OK, "its status")

    async def case_metadata(self):
        sent = [
            ("x-text", "plain text, with = and ;"), ("x-many", "one"), ("x-many", "two"), ("x-long", "long " * 400 + "end"),
            ("x-one-bin", bytes([0, 1, 0xFE, 0xFF, 0, 10, 44])), ("x-empty-bin", b""),
        ]
        call = self.unary_call(b"", metadata=tuple(sent), timeout=30)
        head, trail = await call.initial_metadata(), await call.trailing_metadata()
        await call
        for prefix, got in [("back-", head), ("trail-", trail)]:
            for name in {name for name, _ in sent}:
                want = [value for n, value in sent if n == name]
                have = [value for n, value in got if n == prefix + name[2:]]
                check(want == have, f"{prefix}{name[2:]}: expected {want}, got {have}")

    async def case_deadline(self):
        before = (await self.counts())[1]
        began = time.monotonic()
        code = await outcome(self.slow_call(b"20000", timeout=0.5))
        took = time.monotonic() - began
        check(code == grpc.StatusCode.DEADLINE_EXCEEDED and took < 5, f"{code} after {took} s")
        left = (await self.until_cancelled(before + 1))[2]
        check(0 < left <= 500, f"the server was told of {left} ms")

    async def case_large(self):
        await self.echoed(numbered(8 << 20))
        await self.streamed(2, 6 << 20)
        await self.sent(2, 6 << 20)

    async def case_error(self):
        text = 'Käse "fällt" 100 % aus: 日本 \U0001f9c0\n\tend'
        for number in range(1, 17):
            try:
                await self.method("Fail")(f"{number} {text}".encode(), timeout=30)
                check(False, "it did not fail")
            except grpc.aio.AioRpcError as error:
                check(error.code() == CODES[number] and error.details() == text, f"{number} came back as {error!r}")
        code = await outcome(self.method("Nothing")(b"", timeout=30))
        check(code == grpc.StatusCode.UNIMPLEMENTED, f"a method that is not there: {code}")

    async def cancel(self, count):
        """Cancels so many calls, each once the server has begun it; the server must see it."""
        before = await self.counts()
        left = count

        async def some():
            nonlocal left
            while left:
                left -= 1
                # Of one answer, but the head of a unary one would wait for it.
                call = self.method("Slow", "unary_stream")(b"60000", timeout=20)
                head = await call.initial_metadata()
                check(("slow", "begun") in [tuple(field) for field in head], f"it began with {head}")
                call.cancel()

        await asyncio.gather(*(some() for _ in range(min(50, count))))
        now = await self.until_cancelled(before[1] + count)
        check(now[0] == before[0] + count, f"{now[0] - before[0]} calls began")

    async def case_cancel(self):
        await self.cancel(1)

    async def on_one_connection(self, run):
        """Runs it; the channel must not lose its connection."""
        await self.echoed(b"")
        check(self.channel.get_state() == grpc.ChannelConnectivity.READY, "not connected")
        change = asyncio.create_task(self.channel.wait_for_state_change(grpc.ChannelConnectivity.READY))
        began = time.monotonic()
        await run
        took = time.monotonic() - began
        await self.echoed(b"still there")
        check(not change.done(), "the connection was lost")
        change.cancel()
        return took

    async def case_concurrent(self):
        began = time.monotonic()
        answers = await asyncio.gather(*(self.slow_call(b"500", timeout=60) for _ in range(1000)))
        check(answers == [b"slept"] * 1000, "other answers")
        return f"1000 calls of 0.5 s in {time.monotonic() - began:.1f} s"

    async def case_rapid_cancel(self):
        took = await self.on_one_connection(self.cancel(10_000))
        return f"10000 in {took:.1f} s"

    async def case_full_rate(self):
        calls = 0

        async def some(i):
            nonlocal calls
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                await self.echoed(filled(i, 100))
                calls += 1

        took = await self.on_one_connection(asyncio.gather(*(some(i) for i in range(50))))
        return f"{calls / took:.0f} calls/s"

    async def case_goaway(self):
        done = refused = 0

        async def some():
            nonlocal done, refused
            end = time.monotonic() + 3
            while time.monotonic() < end:
                code = await outcome(self.slow_call(b"5", timeout=10))
                if code == grpc.StatusCode.OK:
                    done += 1
                elif code == grpc.StatusCode.UNAVAILABLE:
                    refused += 1
                    await asyncio.sleep(0.005)
                else:
                    raise AssertionError(f"{code}")

        async def drain():
            for _ in range(2):
                await asyncio.sleep(1)
                await self.method("Drain")(b"", timeout=10)

        await asyncio.gather(drain(), *(some() for _ in range(50)))
        check(done >= 1000, f"only {done} calls were answered")
        await self.unary_call(b"", timeout=10, wait_for_ready=True)
        return f"{done} answered, {refused} refused"


async def outcome(call):
    try:
        await call
        return grpc.StatusCode.OK
    except grpc.aio.AioRpcError as error:
        if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            print(repr(error), file=sys.stderr)
        return error.code()


def check(holds, what):
    if not holds:
        raise AssertionError(what)


def say(line):
    print(line, flush=True)


async def client(address, names):
    cases = Cases(address)
    for name in names:
        try:
            say(f"{name} ok {await cases.run(name)}")
        except Exception as error:  # Whatever it is, it has failed the case.
            say(f"{name} FAIL " + " ".join(f"{type(error).__name__}: {error}".split())[:300])
    os._exit(0)


def main():
    role, *rest = sys.argv[1:]
    if role == "version":
        say(grpc.__version__)
    elif role == "server":
        asyncio.run(serve(int(rest[0]), int(rest[1])))
    elif role == "client":
        asyncio.run(client(rest[0], rest[1:]))
    else:
        sys.exit(f"cannot do {role}")


main()
