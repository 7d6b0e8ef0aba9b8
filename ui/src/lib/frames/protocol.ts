/** The bytes of the frame bridge (ARCHITECTURE.md, "The frame bridge"). Reads and writes them; owns no socket. */
import { planeSizes, type Picture, type TileSize } from './source';

/** slot, width, height, number: u32 each; captured: u64. Little endian. */
export const HEADER_BYTES = 24;
/** Larger than any tile; a header saying more is not ours. */
const SIDE_MAX = 8192;

/** A binary message: which slot, which picture. Null when it is not one. */
export function readPicture(buffer: ArrayBuffer): { slot: number; picture: Picture } | null {
  if (buffer.byteLength < HEADER_BYTES) return null;
  const view = new DataView(buffer);
  const width = view.getUint32(4, true);
  const height = view.getUint32(8, true);
  if (width === 0 || height === 0 || width > SIDE_MAX || height > SIDE_MAX) return null;
  const { luma, chroma } = planeSizes(width, height);
  if (buffer.byteLength !== HEADER_BYTES + luma + 2 * chroma) return null;
  return {
    slot: view.getUint32(0, true),
    picture: {
      width,
      height,
      number: view.getUint32(12, true),
      capturedUs: Number(view.getBigUint64(16, true)),
      planes: new Uint8Array(buffer, HEADER_BYTES),
    },
  };
}

export const hello = (token: string): string => JSON.stringify({ type: 'hello', token });

export const openTile = (slot: number, tile: string, size: TileSize): string =>
  JSON.stringify({ type: 'tile', slot, tile, width: size.width, height: size.height });

export const closeTile = (slot: number): string => JSON.stringify({ type: 'close', slot });

export const ackTile = (slot: number): string => JSON.stringify({ type: 'ack', slot });

/** The fallback's address for one picture. Windows reaches custom schemes by http. */
export function schemeAddress(windows: boolean, slot: number, tile: string, size: TileSize, token: string): string {
  const origin = windows ? 'http://parley-frame.localhost' : 'parley-frame://localhost';
  const query = new URLSearchParams({ tile, width: String(size.width), height: String(size.height), token });
  return `${origin}/${slot}?${query}`;
}
