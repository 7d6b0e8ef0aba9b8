"""One endpoint on aiortc: Parley's protocol in Python, written from docs/protocol.md alone.

    python aiortc_peer.py --link LINK | --server http://HOST:PORT [--seconds N]

Sends a moving picture (H.264) and a tone (Opus), decodes what comes. Standard output: one JSON object a line,
{"event": "link", ...} once there is a link and {"event": "report", ...} at the end.
"""

import argparse
import asyncio
import base64
import fractions
import hashlib
import hmac
import json
import math
import os
import re
import sys
import time
from urllib.parse import urlsplit

import av
import numpy
import websockets
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp

VERSION = 1


def say(**event):
    print(json.dumps(event), flush=True)


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def to_base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hkdf_sha256(material, salt, info):
    """RFC 5869, one block: 32 bytes."""
    key = hmac.new(salt, material, hashlib.sha256).digest()
    return hmac.new(key, info + b"\x01", hashlib.sha256).digest()


def without_other_fingerprints(sdp):
    """The proof covers the sha-256 fingerprint alone: the connection must be checked against that one alone."""
    return re.sub(r"(?mi)^a=fingerprint:(?!sha-256 ).*\r?\n", "", sdp)


def fingerprint_of(sdp):
    found = {m.upper() for m in re.findall(r"(?m)^a=fingerprint:sha-256 ([0-9A-Fa-f:]+)", sdp)}
    if len(found) != 1:
        raise ValueError(f"expected one fingerprint, found {len(found)}")
    return bytes.fromhex(found.pop().replace(":", ""))


def proof(secret, room, sender, receiver, polite, sender_sdp, receiver_sdp):
    room = from_base64url(room)
    key = hkdf_sha256(from_base64url(secret), b"parley/1", b"fingerprint proof" + room)
    mine, theirs = fingerprint_of(sender_sdp), fingerprint_of(receiver_sdp)
    text = b"parley/1 proof\x00" + room + from_base64url(sender) + from_base64url(receiver)
    text += bytes([1 if polite else 0, len(mine)]) + mine + bytes([len(theirs)]) + theirs
    return to_base64url(hmac.new(key, text, hashlib.sha256).digest())


class Picture(MediaStreamTrack):
    """A bar that wanders over a grey field, 640x360 at 30 frames a second; grey only until it is allowed to show."""

    kind = "video"

    def __init__(self):
        super().__init__()
        self.number = 0
        self.started = time.monotonic()
        self.allowed = False

    async def recv(self):
        self.number += 1
        await asyncio.sleep(max(0, self.started + self.number / 30 - time.monotonic()))
        field = numpy.full((540, 640), 128, numpy.uint8)
        if self.allowed:
            at = self.number * 4 % 600
            field[:360, at : at + 40] = 235
        frame = av.VideoFrame.from_ndarray(field, format="yuv420p")
        frame.pts, frame.time_base = self.number * 3000, fractions.Fraction(1, 90000)
        return frame


class Tone(MediaStreamTrack):
    """440 Hz, 20 ms at a time; silence until it is allowed to sound."""

    kind = "audio"

    def __init__(self):
        super().__init__()
        self.position = 0
        self.started = time.monotonic()
        self.allowed = False

    async def recv(self):
        await asyncio.sleep(max(0, self.started + self.position / 48000 - time.monotonic()))
        at = numpy.arange(self.position, self.position + 960)
        wave = numpy.sin(at * (2 * math.pi * 440 / 48000)) * (8000 if self.allowed else 0)
        frame = av.AudioFrame.from_ndarray(wave.astype(numpy.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, self.position, fractions.Fraction(1, 48000)
        self.position += 960
        return frame


class Peer:
    def __init__(self, args):
        self.args = args
        self.tracks = [Picture(), Tone()]
        self.pc = None
        self.their_proof = None
        self.verified = False
        self.frames = 0
        self.size = None
        self.luma_changes = 0
        self.last_luma = None
        self.energy = 0.0
        self.errors = []
        self.early = []
        if args.link:
            url = urlsplit(args.link)
            self.room, self.secret = url.path.removeprefix("/r/"), url.fragment
        else:
            url = urlsplit(args.server)
            self.room, self.secret = None, to_base64url(os.urandom(16))
        self.origin, self.host = f"{url.scheme}://{url.netloc}", url.hostname

    async def run(self):
        async with websockets.connect(self.origin.replace("http", "ws", 1) + "/api/v1/signal") as self.socket:
            await self.send(type="request_ticket", version=VERSION, **({"room": self.room} if self.room else {}))
            ticket = json.loads(await self.socket.recv())
            if ticket["type"] != "ticket":
                raise RuntimeError(f"no ticket: {ticket}")
            self.room = ticket["room"]
            say(event="link", link=f"{self.origin}/r/{self.room}#{self.secret}")
            await self.send(type="join", version=VERSION, ticket=ticket["ticket"], name="aiortc")
            try:
                await asyncio.wait_for(self.listen(), self.args.seconds)
            except asyncio.TimeoutError:
                pass
            self.report()
            await self.send(type="leave")
            if self.pc:
                await self.pc.close()

    async def send(self, **message):
        await self.socket.send(json.dumps(message))

    async def to_peer(self, **payload):
        await self.send(type="signal", to=self.other["id"], payload=payload)

    async def listen(self):
        async for text in self.socket:
            message = json.loads(text)
            kind = message["type"]
            if kind == "joined":
                self.me = message["you"]
                self.mine = next(p for p in message["participants"] if p["id"] == self.me)
                self.ice = [
                    RTCIceServer(urls=f"stun:{s.get('host') or self.host}:{s['port']}")
                    for s in message["ice_servers"]
                    if s["kind"] == "stun"
                ]
                for other in message["participants"]:
                    if other["id"] != self.me:
                        self.meet(other)
                        await self.offer()
            elif kind == "participant_joined":
                self.meet(message["participant"])
            elif kind == "signal":
                await self.on_peer(message["payload"])
            elif kind == "error":
                self.errors.append(message["code"])

    def meet(self, other):
        self.other = other
        self.polite = self.mine["order"] > other["order"]
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=self.ice))
        for track in self.tracks:
            self.pc.addTrack(track)
        for transceiver in self.pc.getTransceivers():
            codecs = RTCRtpSender.getCapabilities(transceiver.kind).codecs
            wanted = [c for c in codecs if c.mimeType.lower() in ("video/h264", "video/rtx", "audio/opus")]
            transceiver.setCodecPreferences(wanted)
        self.control = self.pc.createDataChannel("parley-control", negotiated=True, id=0)
        self.control.on("open", self.tell_media)
        # What was said before the other side's channel was open too may be lost: hearing from it, say it again.
        self.control.once("message", lambda _: self.tell_media())
        self.pc.on("track", lambda track: asyncio.ensure_future(self.consume(track)))

    async def offer(self):
        # aiortc gathers before the description is complete and trickles nothing: its candidates are in the SDP.
        await self.pc.setLocalDescription(await self.pc.createOffer())
        await self.describe()

    async def describe(self):
        description = self.pc.localDescription
        sdp = without_other_fingerprints(description.sdp)
        await self.to_peer(kind="description", sdp_type=description.type, sdp=sdp)

    async def on_peer(self, payload):
        if payload["kind"] == "description":
            if payload["sdp_type"] == "offer" and self.pc.signalingState != "stable":
                if not self.polite:
                    return
                raise RuntimeError("aiortc cannot roll back")
            sdp = without_other_fingerprints(payload["sdp"])
            await self.pc.setRemoteDescription(RTCSessionDescription(sdp, payload["sdp_type"]))
            if payload["sdp_type"] == "offer":
                await self.pc.setLocalDescription(await self.pc.createAnswer())
                await self.describe()
            for early in self.early:
                await self.add_candidate(early)
            self.early.clear()
            await self.to_peer(kind="proof", mac=self.make_proof(own=True))
            self.check_proof()
        elif payload["kind"] == "candidate":
            if self.pc.remoteDescription is None:
                self.early.append(payload)
            else:
                await self.add_candidate(payload)
        elif payload["kind"] == "proof":
            self.their_proof = payload["mac"]
            self.check_proof()

    async def add_candidate(self, payload):
        if not payload["candidate"]:
            return
        candidate = candidate_from_sdp(payload["candidate"].removeprefix("candidate:"))
        candidate.sdpMid, candidate.sdpMLineIndex = payload.get("sdp_mid"), payload.get("sdp_mline_index")
        await self.pc.addIceCandidate(candidate)

    def make_proof(self, own):
        mine, theirs = self.pc.localDescription.sdp, self.pc.remoteDescription.sdp
        ids = (self.me, self.other["id"]) if own else (self.other["id"], self.me)
        return proof(
            self.secret, self.room, *ids, self.polite == own, mine if own else theirs, theirs if own else mine
        )

    def check_proof(self):
        if self.their_proof is None or self.pc.remoteDescription is None or self.pc.signalingState != "stable":
            return
        self.verified = hmac.compare_digest(self.their_proof, self.make_proof(own=False))
        if not self.verified:
            self.errors.append("the proof is wrong")
        for track in self.tracks:
            track.allowed = self.verified
        self.tell_media()

    def tell_media(self):
        """Neither before the proof nor before the channel is open."""
        if self.verified and self.control.readyState == "open":
            self.control.send(json.dumps({"type": "media_state", "microphone_on": True, "camera_on": True}))

    async def consume(self, track):
        try:
            while True:
                frame = await track.recv()
                if track.kind == "video":
                    self.frames += 1
                    self.size = [frame.width, frame.height]
                    luma = frame.to_ndarray(format="gray")[::8, ::8].astype(numpy.int16)
                    if self.last_luma is not None and self.last_luma.shape == luma.shape:
                        self.luma_changes += bool(numpy.abs(luma - self.last_luma).max() > 24)
                    self.last_luma = luma
                else:
                    samples = frame.to_ndarray().astype(numpy.float64)
                    self.energy += float((samples**2).mean())
        except MediaStreamError:
            pass

    def report(self):
        say(
            event="report",
            verified=self.verified,
            connection=self.pc.connectionState if self.pc else "none",
            frames=self.frames,
            moving_frames=self.luma_changes,
            size=self.size,
            sound_energy=self.energy,
            errors=self.errors,
        )


def main():
    parser = argparse.ArgumentParser()
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--link")
    where.add_argument("--server")
    parser.add_argument("--seconds", type=float, default=8)
    try:
        asyncio.run(Peer(parser.parse_args()).run())
    except Exception as error:  # the driver wants a line, not a traceback
        say(event="failed", message=repr(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
