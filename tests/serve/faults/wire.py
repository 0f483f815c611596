"""HTTP and WebSocket byte by byte, so that a client can do what no library lets it do."""
import base64
import json
import os
import socket
import struct
import time

TIMEOUT = 60  # seconds of anything that must come
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def connect(address, timeout=TIMEOUT):
    host, port = address.rsplit(":", 1)
    found = socket.create_connection((host, int(port)), timeout)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def reset(connection):
    """Closes with RST, as a process that is killed with unread data does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def send_all(connection, data):
    """False when the other end did not want all of it."""
    try:
        connection.sendall(data)
        return True
    except OSError:
        return False


def read_to_end(connection, most=1 << 24):
    """What came until the other end closed or broke the connection."""
    data = b""
    try:
        while len(data) < most:
            part = connection.recv(1 << 16)
            if not part:
                break
            data += part
    except TimeoutError:
        raise
    except OSError:
        pass
    return data


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)


def unchunked(data):
    body = b""
    while True:
        size, data = data.split(b"\r\n", 1)
        size = int(size.split(b";")[0], 16)
        if size == 0:
            return body
        body, data = body + data[:size], data[size + 2:]


def responses_in(data):
    """All whole responses in what a server sent, interim ones (1xx) left out."""
    found = []
    while data.startswith(b"HTTP/1."):
        head, separator, rest = data.partition(b"\r\n\r\n")
        if not separator:
            break
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        fields = (line.partition(":") for line in lines[1:])
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        if "content-length" in headers:
            size = int(headers["content-length"])
            body, data = rest[:size], rest[size:]
        elif headers.get("transfer-encoding") == "chunked":
            try:
                body, data = unchunked(rest), b""
            except ValueError:
                break
        else:
            body, data = b"", rest
        if status >= 200:
            found.append(Response(status, headers, body))
    return found


def request(method="GET", path="/health", headers=(), body=b""):
    """A request that asks for the end of the connection. `headers` are whole lines."""
    lines = [f"{method} {path} HTTP/1.1", "Host: test", "Connection: close", *headers]
    if body and not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in lines):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def exchange(address, data, finish=False, wrap=None, timeout=TIMEOUT):
    """Sends bytes and gives all responses until the server closes; `finish`: the client says that it is done."""
    with connect(address, timeout) as plain, (wrap(plain) if wrap else plain) as connection:
        send_all(connection, data)
        if finish:
            connection.shutdown(socket.SHUT_WR)
        return responses_in(read_to_end(connection))


def form(fields, boundary="glossa-boundary"):
    """Content-Type line and body of multipart/form-data; a value is text, or (name of the file, bytes)."""
    body = b""
    for name, value in fields.items():
        filename, content = value if isinstance(value, tuple) else (None, value.encode())
        shown = f'; filename="{filename}"' if filename is not None else ""
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{shown}\r\n\r\n'.encode()
        body += content + b"\r\n"
    return f"Content-Type: multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


def upload(sound, name="speech.wav", headers=(), **fields):
    content_type, body = form({"file": (name, sound), "model": "x", **fields})
    return request("POST", "/v1/audio/transcriptions", [content_type, *headers], body)


def handshake(path="/v1/realtime?intent=captions", headers=(), key=None):
    key = key or base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET {path} HTTP/1.1", "Host: test", "Upgrade: websocket", "Connection: Upgrade",
             "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def masked(payload, mask):
    whole = (mask * (len(payload) // 4 + 1))[:len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")).to_bytes(len(payload), "big")


def frame(opcode, payload=b"", first=0x80, mask=b"\x12\x34\x56\x78", size=None):
    """`first`: FIN and the reserved bits; `size`: what the header says in place of the truth, in 8 bytes."""
    bit = 0x80 if mask else 0
    if size is not None:
        length = bytes([bit | 127]) + struct.pack(">Q", size)
    elif len(payload) < 126:
        length = bytes([bit | len(payload)])
    elif len(payload) < 1 << 16:
        length = bytes([bit | 126]) + struct.pack(">H", len(payload))
    else:
        length = bytes([bit | 127]) + struct.pack(">Q", len(payload))
    return bytes([first | opcode]) + length + (mask + masked(payload, mask) if mask else payload)


class WebSocket:
    """A client that is polite unless told otherwise. One thread may send while another reads."""

    def __init__(self, address, path="/v1/realtime?intent=captions", headers=(), wrap=None):
        plain = connect(address)
        self.connection = wrap(plain) if wrap else plain
        self.received = b""
        self.message, self.opcode = b"", 0  # of the frames so far
        self.code = None  # of the server's close frame; 1006: the connection broke
        self.connection.sendall(handshake(path, headers))
        while b"\r\n\r\n" not in self.received:
            part = self.connection.recv(1 << 16)
            if not part:
                break
            self.received += part
        self.status = int(self.received.split()[1]) if self.received else 0
        if self.status == 101:
            self.received = self.received.partition(b"\r\n\r\n")[2]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def raw(self, data):
        return send_all(self.connection, data)

    def send(self, message):
        """A dict is JSON, a str text, bytes are sound."""
        if isinstance(message, dict):
            message = json.dumps(message)
        text = isinstance(message, str)
        return self.raw(frame(TEXT if text else BINARY, message.encode() if text else message))

    def frames(self, timeout=TIMEOUT):
        """(opcode, payload) of each message and control frame, until the connection ends."""
        end = time.monotonic() + timeout
        while True:
            data = self.received
            if len(data) >= 2:
                size, at = data[1] & 127, 2
                if size == 126:
                    size, at = int.from_bytes(data[2:4], "big"), 4
                elif size == 127:
                    size, at = int.from_bytes(data[2:10], "big"), 10
                if len(data) >= at + size:
                    self.received = data[at + size:]
                    opcode, payload = data[0] & 15, data[at:at + size]
                    if opcode < CLOSE:
                        self.message += payload
                        self.opcode = opcode or self.opcode
                        if not data[0] & 0x80:
                            continue
                        opcode, payload, self.message = self.opcode, self.message, b""
                    yield opcode, payload
                    continue
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("the server says nothing")
            self.connection.settimeout(left)
            try:
                part = self.connection.recv(1 << 16)
            except TimeoutError:
                raise
            except OSError:
                part = b""
            if not part:
                return
            self.received += part

    def events(self, timeout=TIMEOUT):
        """JSON of each message until the server closes; answers pings and the close frame."""
        for opcode, payload in self.frames(timeout):
            if opcode == PING:
                self.raw(frame(PONG, payload))
            elif opcode == CLOSE:
                self.code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
                self.raw(frame(CLOSE, payload))
            elif opcode == TEXT:
                yield json.loads(payload)
        self.code = self.code or 1006

    def next_of(self, *kinds, timeout=TIMEOUT):
        """The next event of one of these types."""
        for event in self.events(timeout):
            if event["type"] in kinds:
                return event
        raise EOFError(f"closed with {self.code} before {kinds}")

    def next(self, kind, timeout=TIMEOUT):
        """The next event of that type."""
        for event in self.events(timeout):
            if event["type"] == kind:
                return event
        raise EOFError(f"closed with {self.code} before {kind}")
