#!/usr/bin/python3
"""A browser's phone as far as signalling goes (RFC 7118), over the websockets package: registers, calls, is called.

    phone.py URL CAFILE USER PASSWORD DOMAIN call NUMBER   registers, calls a number, hangs up once the call is up
    phone.py URL CAFILE USER PASSWORD DOMAIN answer        registers, answers one call, waits for its end

CAFILE is "-" for a URL that begins with ws:. Says each step on a line of its own; the last one is "done".
"""

import asyncio
import hashlib
import re
import ssl
import sys
import uuid

import websockets


def say(*words):
    print(*words, flush=True)


class Phone:
    def __init__(self, socket, url, user, password, domain):
        self.socket, self.user, self.password, self.domain = socket, user, password, domain
        # Nobody can look this up: a browser does not know its own address (RFC 7118 §5.1).
        self.host = f"{uuid.uuid4().hex[:12]}.invalid"
        self.via = "WSS" if url.startswith("wss:") else "WS"
        self.contact = f"<sip:{user}@{self.host};transport=ws>"
        self.cseq = 0

    def sdp(self):
        return ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                "m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=inactive\r\n")

    async def receive(self):
        while True:
            text = await asyncio.wait_for(self.socket.recv(), 30)
            if text.strip():
                return text

    async def send(self, lines, body=""):
        # Content-Length is optional here, and left out.
        if body:
            lines = lines + ["Content-Type: application/sdp"]
        await self.socket.send("\r\n".join(lines) + "\r\n\r\n" + body)

    def request(self, method, uri, call, to, more=(), cseq=None):
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        return [f"{method} {uri} SIP/2.0",
                f"Via: SIP/2.0/{self.via} {self.host};branch=z9hG4bK{uuid.uuid4().hex}",
                "Max-Forwards: 70", f"From: <sip:{self.user}@{self.domain}>;tag={call[:8]}", f"To: {to}",
                f"Call-ID: {call}", f"CSeq: {cseq} {method}",
                *(() if method == "REGISTER" else (f"Contact: {self.contact}",)), *more]

    def answer(self, challenge, method, uri):
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', challenge))
        def md5(text):
            return hashlib.md5(text.encode()).hexdigest()
        proof = md5(f"{self.user}:{fields['realm']}:{self.password}")
        value = md5(f"{proof}:{fields['nonce']}:00000001:abc:auth:{md5(f'{method}:{uri}')}")
        return (f'Authorization: Digest username="{self.user}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", '
                f'uri="{uri}", response="{value}", algorithm=MD5, qop=auth, nc=00000001, cnonce="abc"')

    async def ask(self, method, uri, to, more=(), body=""):
        """Sends a request, answers a challenge; the final response, the Call-ID and the CSeq."""
        call, credentials = uuid.uuid4().hex, ()
        for _ in range(2):
            await self.send(self.request(method, uri, call, to, (*more, *credentials)), body)
            while True:
                response = await self.receive()
                status = int(response.split(" ", 2)[1])
                if status >= 200:
                    break
            if status != 401:
                return status, response, call, self.cseq
            if method == "INVITE":
                await self.send(self.request("ACK", uri, call, header(response, "To"), cseq=self.cseq))
            challenge = next(line for line in headers(response, "WWW-Authenticate") if "MD5" in line)
            credentials = (self.answer(challenge, method, uri),)
        return status, response, call, self.cseq

    async def register(self):
        to = f"<sip:{self.user}@{self.domain}>"
        contact = (f"Contact: {self.contact};reg-id=1;+sip.instance=\"<urn:uuid:{uuid.uuid4()}>\"",
                   "Expires: 300", "Supported: path, outbound")
        status, *_ = await self.ask("REGISTER", f"sip:{self.domain}", to, contact)
        say("registered" if status == 200 else f"refused {status}")

    async def call(self, number):
        uri = f"sip:{number}@{self.domain}"
        status, response, call, cseq = await self.ask("INVITE", uri, f"<{uri}>", body=self.sdp())
        if status != 200:
            return say(f"refused {status}")
        target = re.search(r"<([^>]+)>", header(response, "Contact")).group(1)
        assert "transport=ws" in target, target
        to = header(response, "To")
        await self.send(self.request("ACK", target, call, to, cseq=cseq))
        say("up")
        await self.send(self.request("BYE", target, call, to))
        status = int((await self.receive()).split(" ", 2)[1])
        say("ended" if status == 200 else f"bye {status}")

    async def be_called(self):
        say("waiting")
        while True:
            request = await self.receive()
            method = request.split(" ", 1)[0]
            if method == "ACK":
                say("up")
                continue
            lines = ["SIP/2.0 200 OK", *(f"Via: {via}" for via in headers(request, "Via")),
                     f"From: {header(request, 'From')}", f"Call-ID: {header(request, 'Call-ID')}",
                     f"CSeq: {header(request, 'CSeq')}", f"Contact: {self.contact}"]
            assert f"/{self.via} " in lines[1], lines[1]
            to = header(request, "To")
            lines.append(f"To: {to}" if ";tag=" in to else f"To: {to};tag=phone")
            await self.send(lines, self.sdp() if method == "INVITE" else "")
            if method == "BYE":
                return say("ended")


def headers(message, name):
    head = message.split("\r\n\r\n", 1)[0]
    return [line.split(":", 1)[1].strip() for line in head.split("\r\n")[1:]
            if line.split(":", 1)[0].strip().lower() == name.lower()]


def header(message, name):
    return headers(message, name)[0]


async def main(url, cafile, user, password, domain, step, *more):
    context = ssl.create_default_context(cafile=cafile) if url.startswith("wss:") else None
    async with websockets.connect(url, subprotocols=["sip"], ssl=context, origin="https://phone.example") as socket:
        assert socket.subprotocol == "sip", socket.subprotocol
        phone = Phone(socket, url, user, password, domain)
        await phone.register()
        if step == "call":
            await phone.call(*more)
        else:
            await phone.be_called()
    say("done")


asyncio.run(main(*sys.argv[1:]))
