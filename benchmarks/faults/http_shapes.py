"""Write down requests that no honest client sends."""

from __future__ import annotations

import random
import struct

HEAD = b"POST /services/victim/predict HTTP/1.1\r\nHost: victim\r\n"
_GET = b"GET /services/victim/predict?x=1 HTTP/1.1\r\n"
_ROWS = b'[{"x": 1.0}]'
_JSON = b"Content-Type: application/json\r\n"
_NEXT = b"GET /services/good/predict?x=1 HTTP/1.1\r\nHost: smuggled\r\n\r\n"


def _with(*fields: bytes, body: bytes = _ROWS) -> bytes:
    return HEAD + _JSON + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


_LENGTH = b"Content-Length: %d" % len(_ROWS)
_CHUNKED = b"Transfer-Encoding: chunked"
_CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(_ROWS), _ROWS)

BROKEN = [
    # Request smuggling: two ways to read where the body ends (RFC 9112, 6.1 to 6.3).
    _with(_LENGTH, b"Content-Length: 0", body=_NEXT),
    _with(b"Content-Length: 0", _LENGTH, body=_ROWS + _NEXT),
    _with(_LENGTH, b"Content-Length: 1"),
    _with(b"Content-Length: 5, 5"),
    _with(_LENGTH, _CHUNKED, body=b"0\r\n\r\n" + _NEXT),
    _with(_CHUNKED, _LENGTH, body=b"0\r\n\r\n" + _NEXT),
    _with(_CHUNKED, b"Content-Length: 0", body=_CHUNKS + _NEXT),
    _with(b"Transfer-Encoding: chunked, identity", body=_CHUNKS + _NEXT),
    _with(b"Transfer-Encoding: identity, chunked, x", body=_CHUNKS + _NEXT),
    _with(b"Transfer-Encoding: xchunked", body=_CHUNKS + _NEXT),
    _with(b"Transfer-Encoding : chunked", body=_CHUNKS + _NEXT),
    _with(b"Transfer-Encoding: chunked", b"Transfer-Encoding: cow", body=_CHUNKS + _NEXT),
    _with(b"Transfer-Encoding:\x0bchunked", body=_CHUNKS + _NEXT),
    _with(b" Transfer-Encoding: chunked", body=_CHUNKS + _NEXT),
    # Lengths that are no lengths.
    _with(b"Content-Length: -1"),
    _with(b"Content-Length: +12"),
    _with(b"Content-Length: 0x0c"),
    _with(b"Content-Length: 1e1"),
    _with(b"Content-Length: 12.0"),
    _with(b"Content-Length: 99999999999999999999999"),
    _with(b"Content-Length: twelve"),
    _with(b"Content-Length: 1 2"),
    # Chunks that are none.
    _with(_CHUNKED, body=b"zz\r\n" + _ROWS),
    _with(_CHUNKED, body=b"-1\r\n" + _ROWS),
    _with(_CHUNKED, body=b"ffffffffffffffffff\r\n" + _ROWS),
    _with(_CHUNKED, body=b"c\n" + _ROWS + b"\n0\n\n"),
    _with(_CHUNKED, body=b"5\r\n" + _ROWS + b"\r\n0\r\n\r\n"),
    _with(_CHUNKED, body=b"c;" + b"e" * 100_000 + b"\r\n" + _ROWS),
    # Heads that are none.
    b"\r\n" * 5_000,
    b"\x00" * 100 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),  # a TLS client's hello
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"GET /health/live\r\n\r\n",  # HTTP/0.9
    b"GET /health/live HTTP/9.9\r\nHost: a\r\n\r\n",
    b"GET /health/live HTTP/1.1 extra\r\nHost: a\r\n\r\n",
    b"GET /health/ live HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET\t/health/live\tHTTP/1.1\r\nHost: a\r\n\r\n",
    b"get /health/live HTTP/1.1\r\nHost: a\r\n\r\n",
    b"FROBNICATE /health/live HTTP/1.1\r\nHost: a\r\n\r\n",
    _GET + b"Host: a\r\nNo colon\r\n\r\n",
    _GET + b"Host: a\r\n: no name\r\n\r\n",
    _GET + b"Host: a\r\nNa me: x\r\n\r\n",
    _GET + b"Host: a\r\nName\x00: x\r\n\r\n",
    _GET + b"Host: a\r\nName: x\x00y\r\n\r\n",
    _GET + b"Host: a\r\nName: x\ry\r\n\r\n",
    _GET + b"Host: a\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
    _GET + b"Host: a\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET " + b"\xff\xfe/" + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    # Less than was announced, and then nothing.
    _with(b"Content-Length: 1000"),
    _with(_CHUNKED, body=b"c\r\n" + _ROWS + b"\r\n"),
    _GET + b"Host: a\r\nX",
]
"""Bytes that are no HTTP/1.1: one refusal at most, and then the connection must be closed."""

_DEEP = 100_000
_MAPS = struct.pack(">I", 100_000)

BODIES = [
    ("application/json", body)
    for body in (
        b'[{"x": 1.0}]',
        b'{"x": 1.0}',
        b"",
        b" ",
        b"null",
        b"true",
        b"1",
        b'"x"',
        b"[]",
        b"{}",
        b"[{}]",
        b"[null]",
        b"[[]]",
        b"[1]",
        b'[{"x": null}]',
        b'[{"x": []}]',
        b'[{"x": {}}]',
        b'[{"x": "1"}]',
        b'[{"x": true}]',
        b'[{"x": 1.0}',
        b'[{"x": 1.0}]]',
        b'[{"x": 1.0},]',
        b"[{'x': 1.0}]",
        b"[{x: 1.0}]",
        b'[{"x": 01}]',
        b'[{"x": .5}]',
        b'[{"x": 1.}]',
        b'[{"x": +1}]',
        b'[{"x": 0x10}]',
        b'[{"x": NaN}]',
        b'[{"x": Infinity}]',
        b'[{"x": -Infinity}]',
        b'[{"x": 1e400}]',
        b'[{"x": -1e400}]',
        b'[{"x": 1e-400}]',
        b'[{"x": 1' + b"0" * 5000 + b"}]",
        b'[{"x": 0.' + b"1" * 5000 + b"}]",
        b'[{"x": 1e' + b"9" * 5000 + b"}]",
        b'[{"x": 18446744073709551616}]',
        b'[{"x": 9223372036854775808}]',
        b'[{"x": -9223372036854775809}]',
        b'[{"x": 1.0, "x": 2.0}]',
        b'[{"x": 1.0, "y": "' + b"y" * 500_000 + b'"}]',
        b'[{"' + b"x" * 500_000 + b'": 1.0}]',
        b"[" * _DEEP,
        b"[" * 15_000 + b"]" * 15_000,
        b'{"x":' * _DEEP,
        b'{"x":' * 1_500 + b"1" + b"}" * 1_500,
        b'[{"x": ' + b"[" * 1_000 + b"]" * 1_000 + b"}]",
        b"[" + b"{}," * 19_990 + b"{}]",
        b"[" + b"{}," * 300_000 + b"{}]",
        b"[" + b"0," * 500_000 + b"0]",
        b"[" + b'{"x":1.0},' * 15_000 + b'{"x":1}]',
        b"[" + b'"",' * 300_000 + b'""]',
        b'\xef\xbb\xbf[{"x": 1.0}]',
        '[{"x": 1.0}]'.encode("utf-16"),
        '[{"x": 1.0}]'.encode("utf-32-le"),
        '[{"ä": 1.0}]'.encode("latin-1"),
        b'[{"x": 1.0, "y": "\xc0\xaf"}]',
        b'[{"x": 1.0, "y": "\xed\xa0\x80"}]',
        b'[{"x": 1.0, "y": "\\ud800"}]',
        b'[{"\\ud800": 1.0}]',
        b'[{"x": "\\u0000"}]',
        b'[{"x\x00": 1.0}]',
        b"\x00" * 1000,
        b"\xff" * 1000,
        b"\x1f\x8b\x08\x00" + bytes(100),
        b" " * 1_000_000 + b'[{"x": 1}]',
        b"a" * 1_048_577,
    )
] + [
    ("application/json; charset=utf-16", b'[{"x": 1.0}]'),
    ("application/json; charset=" + "a" * 10_000, b'[{"x": 1.0}]'),
    ("application/json;;;=;charset", b'[{"x": 1.0}]'),
    ("application/xml", b"<x>1</x>"),
    ("multipart/form-data; boundary=x", b"--x\r\n\r\n1\r\n--x--"),
    ("", b'[{"x": 1.0}]'),
    ("text/csv", b"x\n1.0\n"),
    ("text/csv", b"x\n1.0,2.0\n"),
    ("text/csv", b"x,x\n1.0,2.0\n"),
    ("text/csv", b"x\n" + b'"' * 10_001),
    ("text/csv", b'x\n"1.0\n2.0'),
    ("text/csv", b"x\n\x00\n"),
    ("text/csv", b"\n" * 100_000),
    ("text/csv", b"x" + b",x" * 300_000),
    ("text/csv", b"x\n" + b"1\n" * 30_000),
    ("text/csv", b"x\r1.0\r"),
    ("text/csv", b"x\n\xff\xfe\n"),
    ("text/csv", b"x\n" + b"9" * 200_000),
    ("application/msgpack", b"\x91\x81\xa1x\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"),
    ("application/msgpack", b""),
    ("application/msgpack", b"\xc1"),
    ("application/msgpack", b"\xdd\xff\xff\xff\xff"),
    ("application/msgpack", b"\xdf\xff\xff\xff\xff"),
    ("application/msgpack", b"\xdb\xff\xff\xff\xffabc"),
    ("application/msgpack", b"\xc6\x00\x0f\xff\xff"),
    ("application/msgpack", b"\x91" * _DEEP),
    ("application/msgpack", b"\x81\xa1x" * 100_000),
    ("application/msgpack", b"\xdd" + _MAPS + b"\x80" * 100_000),
    ("application/msgpack", b"\xdd" + _MAPS + b"\x90" * 100_000),
    ("application/msgpack", b"\x91\x81\xa1x\xc7\x00\x01"),
    ("application/msgpack", b"\x91\x81\xa1x\xd6\xff\x00\x00\x00\x01"),
    ("application/msgpack", b"\x91\x81\xc0\xc0"),
    ("application/msgpack", b"\x91\x81\x90\xc0"),
    ("application/msgpack", b"\x91\x81\x80\xc0"),
    ("application/msgpack", b"\x91\x81\xc4\x01x\x01"),
    ("application/msgpack", b"\x91\x81\xa1\xff\x01"),
    ("application/msgpack", b"\x91\x81\xa1x\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
    ("application/msgpack", b"\x91\x81\xa1x\x01\x91"),
]
"""Content-Type and body of requests that are HTTP: each must be answered."""

_ODD = (
    b"\x00", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b":", b";", b",", b"[", b"{", b'"',
    b"\\", b"\\u", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"1e999", b"-", b"0" * 50, b"%", b"%zz",
    b"NaN", b"null", b"\xdd\xff\xff\xff\xff", b"\xc1", b"\x91\x91\x91", b"chunked", b"HTTP/1.0",
)  # fmt: skip


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """Damage some bytes."""
    damaged = bytearray(raw)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(damaged) + 1)
        kind = chance.randrange(5)
        if kind == 0 and damaged:
            damaged[at % len(damaged)] ^= 1 << chance.randrange(8)
        elif kind == 1:
            damaged[at:at] = chance.choice(_ODD)
        elif kind == 2:
            del damaged[at : at + chance.randrange(1, 9)]
        elif kind == 3:
            damaged[at:at] = damaged[at : at + chance.randrange(1, 60)]
        else:
            damaged[at : at + 2] = chance.choice(_ODD)
    return bytes(damaged)
