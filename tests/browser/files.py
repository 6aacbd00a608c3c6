"""Files that people choose in a form: photos and documents, known by their first bytes alone."""

import struct
import zlib

from playwright.async_api import FilePayload


def chosen(name: str, content: bytes) -> FilePayload:
    return FilePayload(name=name, mimeType="application/octet-stream", buffer=content)


def png(width: int = 96, height: int = 96) -> bytes:
    rows = b"".join(b"\0" + b"".join(bytes((90 + x, 120, 80 + y)) for x in range(width)) for y in range(height))
    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    parts = b"IHDR" + header, b"IDAT" + zlib.compress(rows), b"IEND"
    chunks = (struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
