#!/usr/bin/python3
"""A platform in another language, written from docs/packets.md alone.

It links with one platform, offers a module (`control/0`) that answers a query of its status, and does what it is told, one step
after the other; what comes of it is written to the standard output, one JSON object a line.

    platform.py --number 9 --connect 127.0.0.1:5065 [--certificates FOLDER] STEP...

    status:PLATFORM:KIND:INDEX    asks a module for its status
    call:PLATFORM:FROM:TO         has a switch ring FROM, then call TO; follows the call, and hangs up once both talk
    stay                          stays until SIGTERM

FOLDER has what `tandem bridge join` writes: authority.pem, platform.pem, platform.key. Without it the link is plain TCP.
"""

import argparse
import json
import os
import queue
import random
import select
import signal
import socket
import ssl
import sys
import threading
import time

import cbor2

# "Frame", "Versions"
FRAME_OCTETS = 1_048_576
HELLO_FRAME_OCTETS = 65_536
VERSION = 1
HELLO, HEARTBEAT, HEARTBEAT_ANSWER, PACKET, PLATFORMS, BYE = 1, 2, 3, 4, 5, 6
# "Packet"
HOPS = 4

KINDS = {"signaling": 1, "switch": 2, "voice": 3, "store": 4, "control": 5, "server": 6, "bridge": 7}
COMMANDS = {
    name: number
    for number, name in enumerate(
        "open close start stop set query connect disconnect send subscribe unsubscribe progress done failed notify".split(),
        start=1,
    )
}
REQUESTS = range(COMMANDS["open"], COMMANDS["unsubscribe"] + 1)
ANSWERS = (COMMANDS["progress"], COMMANDS["done"], COMMANDS["failed"])
FAILURE, ORIGINATE, CALL_SUMMARY, CALL_EVENT, STATUS, SELECTION = 1, 16, 17, 18, 60, 61
UNSUPPORTED, PLATFORM_ABSENT = 1, 3
BYE_STOPPING, BYE_VERSION, BYE_MALFORMED, BYE_SILENT = 1, 2, 5, 6
TALKING, ENDED = 3, 6

HEARTBEAT_MS = 500
PATIENCE_S = 60


def say(**what):
    print(json.dumps(what), flush=True)


def now_us():
    return int(time.time() * 1_000_000)


class Ended(Exception):
    """The link has ended."""


class Link:
    """A connection that carries messages in frames."""

    def __init__(self, address, certificates, number):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.identity = None
        if certificates:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            # "Host names are not looked at."
            context.check_hostname = False
            context.load_verify_locations(os.path.join(certificates, "authority.pem"))
            context.load_cert_chain(
                os.path.join(certificates, "platform.pem"), os.path.join(certificates, "platform.key")
            )
            self.socket = context.wrap_socket(self.socket)
            names = [name for kind, name in self.socket.getpeercert()["subjectAltName"] if kind == "URI"]
            (name,) = [name for name in names if name.startswith("tandem:platform:")]
            self.identity = int(name.rsplit(":", 1)[1])
        # One thread at a time may use a TLS socket, and nobody holds it while it waits.
        self.socket.setblocking(False)
        self.using = threading.Lock()
        self.kept = bytearray()

    def write(self, number, content):
        message = cbor2.dumps([number, content])
        octets = memoryview(len(message).to_bytes(4, "big") + message)
        with self.using:
            while octets:
                try:
                    octets = octets[self.socket.send(octets) :]
                except (ssl.SSLWantWriteError, ssl.SSLWantReadError, BlockingIOError):
                    select.select([], [self.socket], [], 1)

    def read(self, bound):
        """The next message's number and content."""
        length = int.from_bytes(self.exactly(4), "big")
        if length > bound:
            self.bye(BYE_MALFORMED, "a frame is too long")
            raise Ended("a frame is too long")
        message = cbor2.loads(self.exactly(length))
        return message[0], message[1]

    def exactly(self, count):
        while len(self.kept) < count:
            try:
                with self.using:
                    more = self.socket.recv(1 << 16)
                if not more:
                    raise Ended("the connection was closed")
                self.kept += more
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                select.select([self.socket], [], [], 1)
        octets = bytes(self.kept[:count])
        del self.kept[:count]
        return octets

    def bye(self, reason, text):
        try:
            self.write(BYE, {0: reason, 1: text})
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Platform:
    def __init__(self, number, address, certificates):
        self.number = number
        self.epoch = random.randrange(1, 1 << 32)
        self.sequences = {}
        self.transaction = 0
        # "24 bits drawn when it starts, 40 bits counted"
        self.instance = random.randrange(1 << 24) << 40
        self.waiting = {}
        self.events = queue.Queue()
        self.received = 0
        self.last_heard = time.monotonic()
        self.peer = None
        self.link = Link(address, certificates, number)

    def modules(self):
        return [[KINDS["control"], 0, 125]]

    def run(self):
        """Says hello, and reads until the link ends."""
        self.link.write(
            HELLO,
            {
                0: VERSION,
                1: VERSION,
                2: self.number,
                3: f"platform-{self.number}",
                4: self.epoch,
                5: "python/1",
                6: [],
                7: self.modules(),
                8: HEARTBEAT_MS,
            },
        )
        number, hello = self.link.read(HELLO_FRAME_OCTETS)
        if number == BYE:
            raise Ended(f"bye {hello}")
        if number != HELLO or min(VERSION, hello[0]) < hello[1]:
            self.link.bye(BYE_VERSION, "no common version")
            raise Ended("no common version")
        if self.link.identity not in (None, hello[2]):
            raise Ended("its certificate names another platform")
        self.peer = hello[2]
        say(up=self.peer, name=hello[3], version=hello[0], modules=hello[7])
        threading.Thread(target=self.beat, args=(hello[8],), daemon=True).start()
        while True:
            number, content = self.link.read(FRAME_OCTETS)
            self.last_heard = time.monotonic()
            if number == HEARTBEAT:
                self.link.write(HEARTBEAT_ANSWER, {0: content[0]})
            elif number == PACKET:
                self.handle(content)
            elif number == PLATFORMS:
                say(platforms=[platform[0] for platform in content])
            elif number == BYE:
                raise Ended(f"bye {content}")

    def beat(self, interval_ms):
        number = 0
        try:
            while True:
                number += 1
                self.link.write(HEARTBEAT, {0: number, 1: self.modules()})
                time.sleep(HEARTBEAT_MS / 1000)
                if time.monotonic() - self.last_heard > 3 * interval_ms / 1000:
                    self.link.bye(BYE_SILENT, "nothing came")
                    return
        except OSError:
            pass

    def send(self, destination, transaction, command, parameters, source_instance=0):
        sequence = self.sequences.get(destination[0], 0) + 1
        self.sequences[destination[0]] = sequence
        source = [self.number, [KINDS["control"], 0], source_instance]
        packet = [source, destination, transaction, command, parameters]
        self.link.write(PACKET, [HOPS, self.epoch, sequence, packet])

    def handle(self, content):
        source, destination, transaction, command, parameters = content[3]
        if command in ANSWERS:
            waiting = self.waiting.get(transaction)
            if waiting:
                waiting.put((command, parameters, source))
            return
        if command == COMMANDS["notify"]:
            for number, event in parameters:
                if number == CALL_EVENT:
                    self.events.put(event)
            return
        if command not in REQUESTS or transaction == 0:
            return
        # What a request asks for is its command and its first parameter.
        answer, what = COMMANDS["failed"], [[FAILURE, {0: UNSUPPORTED}]]
        if destination[0] not in (0, self.number):
            what = [[FAILURE, {0: PLATFORM_ABSENT}]]
        elif command == COMMANDS["query"] and parameters and parameters[0][0] == STATUS:
            self.received += 1
            say(asked="status", by=source[0])
            counters = [["queries_of_python", [["from", str(source[0])]], self.received]]
            status = {0: "control/0", 1: now_us(), 2: [], 3: [dict(enumerate(counter)) for counter in counters], 4: []}
            answer, what = COMMANDS["done"], [[STATUS, status]]
        self.send(source, transaction, answer, what, destination[2])

    def ask(self, destination, command, parameters):
        """Sends a request; gives its answers up to the last one."""
        self.transaction += 1
        transaction = self.transaction
        answers = self.waiting[transaction] = queue.Queue()
        self.send(destination, transaction, COMMANDS[command], parameters)
        while True:
            answer, parameters, source = answers.get(timeout=PATIENCE_S)
            yield answer, parameters, source
            if answer != COMMANDS["progress"]:
                del self.waiting[transaction]
                return

    def done(self, destination, command, parameters):
        """The parameters of a request's `Done`."""
        for answer, what, source in self.ask(destination, command, parameters):
            if answer == COMMANDS["failed"]:
                say(failed=command, reason=what[0][1][0], detail=what[0][1].get(2))
                raise SystemExit(1)
        return what, source

    # What it is told to do.

    def status(self, platform, kind, index):
        empty = {0: "", 1: 0, 2: [], 3: [], 4: []}
        what, source = self.done([int(platform), [KINDS[kind], int(index)], 0], "query", [[STATUS, empty]])
        ((number, status),) = what
        assert number == STATUS
        say(status=status[0], of=source[0], counters={counter[0]: counter[2] for counter in status[3]})

    def call(self, platform, caller, called):
        switch = [int(platform), [KINDS["switch"], 0], 0]
        nobody = {0: "", 1: ""}
        nothing = {0: "", 1: nobody, 2: nobody, 3: 1, 4: 0, 6: []}
        self.done(switch, "subscribe", [[CALL_EVENT, {0: nothing, 2: 0, 3: False}]])
        self.instance += 1
        its = [switch[0], switch[1], self.instance]
        call = None
        for answer, what, _ in self.ask(its, "start", [[ORIGINATE, {0: caller, 1: called}]]):
            if answer == COMMANDS["failed"]:
                say(failed="start", cause=what[0][1].get(1))
                raise SystemExit(1)
            ((number, call),) = what
            assert number == CALL_SUMMARY
            say(progress=call[3], call=call[0], last=answer == COMMANDS["done"])
        self.follow(call[0], TALKING)
        self.done(switch, "stop", [[SELECTION, {2: call[0]}]])
        say(hung_up=call[0])
        cause = self.follow(call[0], ENDED)
        say(ended=call[0], cause=cause[0])
        self.done(switch, "unsubscribe", [[CALL_EVENT, {0: nothing, 2: 0, 3: False}]])

    def follow(self, call, phase):
        """Reads events until the call has come so far; gives the cause, where it has one."""
        while True:
            event = self.events.get(timeout=PATIENCE_S)
            if event[0][0] == call:
                say(event=event[0][3], call=call, legs=[leg[1] for leg in event[0][6]])
                if event[0][3] == phase:
                    return event.get(1)

    def stay(self):
        while True:
            time.sleep(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--connect", required=True)
    parser.add_argument("--certificates")
    parser.add_argument("steps", nargs="*", metavar="STEP")
    options = parser.parse_args()
    platform = Platform(options.number, options.connect, options.certificates)

    def read():
        try:
            platform.run()
        except (Ended, OSError) as error:
            # Who says bye is closed by the other.
            if not leaving.is_set():
                say(down=str(error))
                os._exit(1)

    leaving = threading.Event()

    def leave(*_):
        leaving.set()
        platform.link.bye(BYE_STOPPING, "it was told to stop")
        os._exit(0)

    signal.signal(signal.SIGTERM, leave)
    threading.Thread(target=read, daemon=True).start()
    while platform.peer is None:
        time.sleep(0.01)
    for step in options.steps:
        verb, *arguments = step.split(":")
        getattr(platform, verb)(*arguments)
    leave()


if __name__ == "__main__":
    sys.exit(main())
