"""Between a Wayland compositor that draws without a graphics card and sway's half of the portal (xdg-desktop-portal-wlr 0.7).

That portal takes no screen whose compositor does not also offer its pictures as DMA-BUF (its issue 289), although it shares
them through shared memory wherever it cannot make such buffers. So the offer is added here; everything else is passed on.

    screencopy_shim.py SOCKET_OF_THE_COMPOSITOR SOCKET_TO_MAKE
"""

import array
import os
import socket
import struct
import sys
import threading

MANAGER = b"zwlr_screencopy_manager_v1"
# Of the frame's events (wlr-screencopy-unstable-v1): shared memory is offered, DMA-BUF is offered.
BUFFER, LINUX_DMABUF = 0, 5
# wl_display's event that an object is no more.
DELETED = (1, 1)
# wl_shm's two formats that are no DRM fourcc.
FOURCC = {0: 0x34325241, 1: 0x34325258}
FDS_MAX = 28


class Client:
    """One client's connection, and what of its objects matters."""

    def __init__(self, client, compositor):
        self.client, self.compositor = client, compositor
        self.managers, self.frames = set(), set()

    def request(self, target, opcode, body):
        """A request names its object; binding a global and capturing make new ones."""
        if MANAGER in body:
            self.managers.add(struct.unpack_from("<I", body, len(body) - 4)[0])
        elif target in self.managers and opcode in (0, 1):
            self.frames.add(struct.unpack_from("<I", body)[0])
        return b""

    def event(self, target, opcode, body):
        """What is to be said after this event."""
        if (target, opcode) == DELETED:
            # The number is free for an object of another kind.
            gone = struct.unpack("<I", body)[0]
            self.frames.discard(gone)
            self.managers.discard(gone)
        if target not in self.frames or opcode != BUFFER:
            return b""
        shm, width, height, _stride = struct.unpack("<4I", body)
        return struct.pack("<5I", target, 20 << 16 | LINUX_DMABUF, FOURCC.get(shm, shm), width, height)


def pump(source, sink, look):
    """Passes messages and file descriptors on, whole messages only, until one side ends."""
    rest = b""
    while True:
        try:
            data, ancillary, _, _ = source.recvmsg(65536, socket.CMSG_SPACE(FDS_MAX * 4))
        except OSError:
            data = b""
        if not data:
            break
        fds = array.array("i")
        for _level, _kind, given in ancillary:
            fds.frombytes(given[: len(given) - len(given) % 4])
        rest += data
        out = b""
        while len(rest) >= 8:
            target, word = struct.unpack_from("<2I", rest)
            size = max(word >> 16, 8)
            if len(rest) < size:
                break
            message, rest = rest[:size], rest[size:]
            out += message + look(target, word & 0xFFFF, message[8:])
        try:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if fds else []
            # Descriptors may come before the rest of their message: an empty write carries none.
            sent = sink.sendmsg([out], rights) if out else 0
            sink.sendall(out[sent:])
        except OSError:
            break
        for fd in fds:
            os.close(fd)
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def main():
    compositor_path, path = sys.argv[1:3]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    while True:
        client, _ = listener.accept()
        compositor = socket.socket(socket.AF_UNIX)
        compositor.connect(compositor_path)
        both = Client(client, compositor)
        for source, sink, look in ((client, compositor, both.request), (compositor, client, both.event)):
            threading.Thread(target=pump, args=(source, sink, look), daemon=True).start()


main()
