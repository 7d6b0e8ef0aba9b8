/** The shell's side of the frame bridge, as ARCHITECTURE.md tells it: a WebSocket server just large enough to be talked to. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface FrameServer {
  readonly url: string;
  /** Everything the page said, oldest first. */
  readonly heard: { type: string; [word: string]: unknown }[];
  /** The most pictures that were ever on their way to one tile. */
  mostInFlight(): number;
  /** Cuts the connection, as a crash would. */
  cut(): void;
  close(): void;
}

const CREDITS = 2;
const PERIOD_MS = 40;
const ACCEPT = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export async function frameServer(token: string): Promise<FrameServer> {
  const heard: FrameServer['heard'] = [];
  const tiles = new Map<number, { width: number; height: number; inFlight: number }>();
  let socket: Socket | null = null;
  let trusted = false;
  let most = 0;
  let number = 0;

  const server = createServer();
  server.on('upgrade', (request: IncomingMessage, opened: Socket) => {
    tiles.clear();
    trusted = false;
    socket = opened;
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${ACCEPT}`).digest('base64');
    opened.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    let rest = Buffer.alloc(0);
    opened.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      for (let frame = read(rest); frame; frame = read(rest)) {
        rest = rest.subarray(frame.length);
        if (frame.text) take(JSON.parse(frame.text) as FrameServer['heard'][number]);
      }
    });
    opened.on('error', () => {});
  });

  function take(message: FrameServer['heard'][number]): void {
    heard.push(message);
    const slot = Number(message['slot']);
    if (message.type === 'hello') trusted = message['token'] === token;
    if (message.type === 'close') tiles.delete(slot);
    const tile = tiles.get(slot);
    if (message.type === 'ack' && tile) tile.inFlight -= 1;
    if (message.type === 'tile') {
      tiles.set(slot, { width: Math.min(320, Number(message['width'])), height: Math.min(180, Number(message['height'])), inFlight: tile?.inFlight ?? 0 });
    }
  }

  const timer = setInterval(() => {
    number += 1;
    if (!trusted || !socket?.writable) return;
    for (const [slot, tile] of tiles) {
      if (tile.inFlight >= CREDITS) continue;
      tile.inFlight += 1;
      most = Math.max(most, tile.inFlight);
      socket.write(binary(picture(slot, tile.width & ~1, tile.height & ~1, number)));
    }
  }, PERIOD_MS);

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/frames`,
    heard,
    mostInFlight: () => most,
    cut: () => socket?.destroy(),
    close() {
      clearInterval(timer);
      socket?.destroy();
      server.close();
    },
  };
}

/** One masked client frame (RFC 6455, section 5.2), if it is whole. */
function read(bytes: Buffer): { length: number; text: string | null } | null {
  if (bytes.length < 6) return null;
  let size = (bytes[1] ?? 0) & 0x7f;
  let at = 2;
  if (size === 126) {
    size = bytes.readUInt16BE(2);
    at = 4;
  }
  if (bytes.length < at + 4 + size) return null;
  const mask = bytes.subarray(at, at + 4);
  const body = Buffer.from(bytes.subarray(at + 4, at + 4 + size).map((byte, index) => byte ^ (mask[index % 4] ?? 0)));
  return { length: at + 4 + size, text: ((bytes[0] ?? 0) & 0x0f) === 1 ? body.toString() : null };
}

function binary(body: Buffer): Buffer {
  // The length must be written in as few bytes as it fits.
  const short = body.length < 0x10000;
  const head = Buffer.alloc(short ? 4 : 10);
  head[0] = 0x82;
  head[1] = short ? 126 : 127;
  if (short) head.writeUInt16BE(body.length, 2);
  else head.writeBigUInt64BE(BigInt(body.length), 2);
  return Buffer.concat([head, body]);
}

/** A green picture, so that colours can be checked too: luma 145, blue 54, red 34 is pure green in BT.601. */
function picture(slot: number, width: number, height: number, count: number): Buffer {
  const luma = width * height;
  const body = Buffer.alloc(24 + luma + luma / 2);
  [slot, width, height, count].forEach((value, index) => body.writeUInt32LE(value, index * 4));
  body.writeBigUInt64LE(BigInt(Date.now()) * 1000n, 16);
  body.fill(145, 24, 24 + luma);
  body.fill(54, 24 + luma, 24 + luma + luma / 4);
  body.fill(34, 24 + luma + luma / 4);
  return body;
}
