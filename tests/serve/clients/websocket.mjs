// As much of a WebSocket client as the tests need; Node has one of its own from version 22 on.
import { randomBytes } from "node:crypto";
import { connect } from "node:net";

export class WebSocketClient {
  // Calls onMessage(text) for each message and onClose(code) once; 1006 when the connection broke.
  constructor(url, { onOpen, onMessage, onClose }) {
    const { hostname, port, pathname, search } = new URL(url);
    this.received = Buffer.alloc(0);
    this.code = 1006;
    this.parts = [];
    this.onMessage = onMessage;
    this.socket = connect(port, hostname, () => this.socket.write(
      `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n\r\n`));
    this.socket.on("data", (data) => {
      this.received = Buffer.concat([this.received, data]);
      if (!this.open) {
        const end = this.received.indexOf("\r\n\r\n");
        if (end < 0) return;
        if (!this.received.subarray(0, 12).toString().endsWith("101")) return this.socket.destroy();
        this.open = true;
        this.received = this.received.subarray(end + 4);
        onOpen?.(this);
      }
      while (this.readFrame());
    });
    this.socket.on("error", () => {});
    this.socket.on("close", () => onClose?.(this.code));
  }

  send(message) {
    const text = typeof message === "string";
    this.writeFrame(text ? 1 : 2, Buffer.from(message));
  }

  close(code = 1000) {
    this.writeFrame(8, Buffer.from([code >> 8, code & 255]));
  }

  writeFrame(opcode, payload) {
    const size = payload.length;
    const head = size < 126 ? Buffer.alloc(2) : size < 65536 ? Buffer.alloc(4) : Buffer.alloc(10);
    head[0] = 0x80 | opcode;
    head[1] = 0x80 | (size < 126 ? size : size < 65536 ? 126 : 127);
    if (head.length === 4) head.writeUInt16BE(size, 2);
    if (head.length === 10) head.writeBigUInt64BE(BigInt(size), 2);
    const mask = randomBytes(4);
    const masked = Buffer.from(payload, 0, size).map((byte, index) => byte ^ mask[index & 3]);
    this.socket.write(Buffer.concat([head, mask, masked]));
  }

  // True when a whole frame was there.
  readFrame() {
    const data = this.received;
    if (data.length < 2) return false;
    let size = data[1] & 127;
    let at = 2;
    if (size === 126) [size, at] = data.length < 4 ? [Infinity, 4] : [data.readUInt16BE(2), 4];
    else if (size === 127) [size, at] = data.length < 10 ? [Infinity, 10] : [Number(data.readBigUInt64BE(2)), 10];
    if (data.length < at + size) return false;
    const payload = data.subarray(at, at + size);
    this.received = data.subarray(at + size);
    const opcode = data[0] & 15;
    if (opcode === 8) {
      this.code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.writeFrame(8, payload);
      this.socket.end();
    } else if (opcode === 9) {
      this.writeFrame(10, payload);
    } else if (opcode <= 2) {
      this.parts.push(payload);
      if (data[0] & 0x80) this.onMessage(Buffer.concat(this.parts.splice(0)).toString());
    }
    return true;
  }
}
