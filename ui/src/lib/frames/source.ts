/** The port through which tiles get pictures. Two real adapters: the loopback bridge (with its fallback) and the fake's pictures. */

/** One raw picture: tight I420 (Y, then U, then V, limited range BT.601). */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly number: number;
  /** Capture time in microseconds of the capturing side's clock. */
  readonly capturedUs: number;
  readonly planes: Uint8Array;
}

/** A size in device pixels. */
export interface TileSize {
  readonly width: number;
  readonly height: number;
}

/** A tile's subscription. */
export interface FrameTap {
  /** The tile has another size now. */
  resize(size: TileSize): void;
  /** One delivered picture was drawn or passed over: room for one more. Owed once for each picture. */
  ack(): void;
  close(): void;
}

export interface FrameSource {
  /** Pictures of `tile` ("self" or a person's id), at most two of them unacknowledged. */
  open(tile: string, size: TileSize, onPicture: (picture: Picture) => void): FrameTap;
  stop(): void;
}

/** Sizes of I420's planes for a picture. */
export function planeSizes(width: number, height: number): { luma: number; chroma: number; chromaWidth: number } {
  const chromaWidth = (width + 1) >> 1;
  return { luma: width * height, chroma: chromaWidth * ((height + 1) >> 1), chromaWidth };
}
