"""A relay on loopback that takes its time for each reply, as one far away does.

    with SlowRelay(0.02) as relay:
        ...                     # relay.port
        relay.ids               # the Message-IDs of all mails accepted, in order

It speaks just enough SMTP for a well-behaved sender. One process with one event loop: each connection
waits for itself, so ten of them take no longer than one.
"""

import asyncio
import re
import threading


class SlowRelay:
    def __init__(self, delay):
        self.delay, self.ids = delay, []
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(
            asyncio.start_server(self._connection, "127.0.0.1", 0, limit=1 << 22))
        self.port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.server.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    async def _connection(self, reader, writer):
        try:
            await self._say(writer, "220 relay.example")
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    async def _say(self, writer, words):
        await asyncio.sleep(self.delay)
        writer.write(words.encode() + b"\r\n")

    async def _answer(self, reader, writer):
        """One command. False: it was the last."""
        word = (await reader.readuntil(b"\r\n"))[:4].upper()
        if word == b"DATA":
            await self._say(writer, "354 go on")
            message = await reader.readuntil(b"\r\n.\r\n")
            found = re.search(rb"(?im)^message-id: *<([^@>]+)@", message)
            self.ids.append(found[1].decode() if found else None)
        await self._say(writer, "221 bye" if word == b"QUIT" else "250 ok")
        return word != b"QUIT"
