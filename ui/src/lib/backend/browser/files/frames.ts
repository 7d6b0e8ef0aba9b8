/** What goes on the lanes of files (docs/protocol.md, "Lanes"): JSON on one, bytes on the other. Pure. */
import { fromBase64Url, toBase64Url } from '../base64';
import { readTagged } from '../reader';

export type FileFrame =
  | { type: 'offer'; id: string; name: string; size: number; fingerprint: string }
  | { type: 'accept'; id: string; offset: number }
  | { type: 'refuse' | 'failed'; id: string; reason: string }
  | { type: 'pause' | 'resume' | 'cancel' | 'received'; id: string }
  | { type: 'sent'; id: string; hash: string };

export type ChunkFrame =
  | { is: 'chunk'; id: string; offset: number; stampMs: number; bytes: Uint8Array }
  | { is: 'receipt'; id: string; offset: number; delayMs: number };

const CHUNK = 0x10;
const RECEIPT = 0x11;
const ID_BYTES = 16;
const HEAD_BYTES = 1 + ID_BYTES + 8 + 4;
export const CHUNK_BYTES_MAX = 61_440;
const FILE_FRAME_BYTES_MAX = 4 * 1024;

/** 32 bytes in hexadecimal digits. */
const isHash = (value: unknown): boolean => typeof value === 'string' && /^[0-9a-f]{64}$/iu.test(value);

export const writeFileFrame = (frame: FileFrame): Uint8Array => new TextEncoder().encode(JSON.stringify(frame));

export function readFileFrame(bytes: Uint8Array): FileFrame | null {
  const frame = bytes.length > FILE_FRAME_BYTES_MAX ? null : (readTagged(new TextDecoder().decode(bytes), 'type') as FileFrame | null);
  if (!frame || typeof frame.id !== 'string' || fromBase64Url(frame.id)?.length !== ID_BYTES) return null;
  if (frame.type === 'offer') {
    const sound = typeof frame.name === 'string' && isHash(frame.fingerprint) && Number.isSafeInteger(frame.size) && frame.size >= 0;
    return sound ? frame : null;
  }
  if (frame.type === 'accept') return Number.isSafeInteger(frame.offset) && frame.offset >= 0 ? frame : null;
  if (frame.type === 'sent') return isHash(frame.hash) ? frame : null;
  if (frame.type === 'refuse' || frame.type === 'failed') return typeof frame.reason === 'string' ? frame : null;
  return frame;
}

export function writeChunkFrame(frame: ChunkFrame): Uint8Array {
  const body = frame.is === 'chunk' ? frame.bytes : new Uint8Array();
  const bytes = new Uint8Array(HEAD_BYTES + body.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = frame.is === 'chunk' ? CHUNK : RECEIPT;
  bytes.set(fromBase64Url(frame.id) ?? new Uint8Array(ID_BYTES), 1);
  view.setBigUint64(1 + ID_BYTES, BigInt(frame.offset));
  view.setUint32(1 + ID_BYTES + 8, (frame.is === 'chunk' ? frame.stampMs : frame.delayMs) >>> 0);
  bytes.set(body, HEAD_BYTES);
  return bytes;
}

export function readChunkFrame(bytes: Uint8Array): ChunkFrame | null {
  if (bytes.length < HEAD_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const id = toBase64Url(bytes.subarray(1, 1 + ID_BYTES));
  const offset = Number(view.getBigUint64(1 + ID_BYTES));
  const number = view.getUint32(1 + ID_BYTES + 8);
  const body = bytes.subarray(HEAD_BYTES);
  if (!Number.isSafeInteger(offset)) return null;
  if (bytes[0] === CHUNK && body.length >= 1 && body.length <= CHUNK_BYTES_MAX) return { is: 'chunk', id, offset, stampMs: number, bytes: body };
  return bytes[0] === RECEIPT && body.length === 0 ? { is: 'receipt', id, offset, delayMs: number } : null;
}
