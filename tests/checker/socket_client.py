"""A client's side of WebSocket (RFC 6455): text messages, pings, and no extensions."""

import asyncio
import base64
import hashlib
import os
import struct

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class ConnectionLost(Exception):
    """The connection ended or was not taken."""


class WebSocket:
    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, address, path, subprotocol):
        host, port = address.rsplit(":", 1)
        reader, writer = await asyncio.open_connection(host, int(port), limit=16 << 20)
        try:
            await cls.shake_hands(reader, writer, address, path, subprotocol)
        except BaseException:
            writer.close()
            raise
        return cls(reader, writer)

    @staticmethod
    async def shake_hands(reader, writer, address, path, subprotocol):
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {subprotocol}\r\n\r\n".encode()
        )
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError as error:
            raise ConnectionLost("no answer to the handshake") from error
        status, *lines = head.strip().split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        if " 101 " not in status or headers.get("sec-websocket-accept") != accept:
            raise ConnectionLost(f"the handshake was answered {status!r}")
        if headers.get("sec-websocket-protocol") != subprotocol:
            raise ConnectionLost(f"asked for {subprotocol}, got {headers.get('sec-websocket-protocol')}")

    async def send(self, text):
        await self.send_frame(TEXT, text.encode())

    async def send_frame(self, opcode, payload):
        mask = os.urandom(4)
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
        elif length < 1 << 16:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        try:
            self.writer.write(head + mask + masked)
            await self.writer.drain()
        except (ConnectionError, RuntimeError) as error:
            raise ConnectionLost(str(error)) from error

    async def receive(self):
        """The next text message."""
        parts = []
        while True:
            final, opcode, payload = await self.receive_frame()
            if opcode == PING:
                await self.send_frame(PONG, payload)
            elif opcode == CLOSE:
                raise ConnectionLost("closed by the server")
            elif opcode in (TEXT, CONTINUATION):
                parts.append(payload)
                if final:
                    return b"".join(parts).decode()
            elif opcode == BINARY:
                raise ConnectionLost("a binary message on a connection for text")

    async def receive_frame(self):
        try:
            first, second = await self.reader.readexactly(2)
            length = second & 0x7F
            if second & 0x80:
                raise ConnectionLost("a server must not mask")
            if length == 126:
                (length,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return bool(first & 0x80), first & 0x0F, await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise ConnectionLost("the connection ended") from error

    def close(self):
        self.writer.transport.abort()
