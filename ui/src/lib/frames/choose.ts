/** Chooses the way to draw by measuring, once a run. */
import { painterFor, type DrawingWay } from './draw';
import { planeSizes, type Picture } from './source';

/**
 * In order of trust. Plain pixels come first: all they cost is seen here, while the browser's own conversion works in other
 * threads too (in WebKitGTK as much again), and handing a WebGL canvas to the screen is not measured at all.
 */
const WAYS: readonly DrawingWay[] = ['rgba', 'video-frame', 'webgl2'];
/** A later way must be this many times quicker. */
const CLEARLY = 2;
/** Rounds in which the script is compiled and buffers are made. */
const WARMING = 6;
/** Clocks of web views may tick in whole milliseconds, so only many rounds together tell anything. */
const ROUNDS = 8;

/** The first way that works, unless a later one is clearly quicker. Times in ms; null: does not work. */
export function quickest(times: ReadonlyMap<DrawingWay, number | null>): DrawingWay {
  let chosen: { way: DrawingWay; ms: number } | null = null;
  for (const way of WAYS) {
    const ms = times.get(way) ?? null;
    if (ms === null) continue;
    if (!chosen || ms * CLEARLY < chosen.ms) chosen = { way, ms };
  }
  return chosen?.way ?? 'rgba';
}

let chosen: DrawingWay | null = null;

/**
 * The way for this machine. Measures at the first call, some 50 ms. Where the processor draws there is nothing to measure:
 * every way ends as plain pixels there, and asking for the others alone loads a compiler for graphics programs (40 MB with Mesa).
 */
export function drawingWay(byProcessor: boolean): DrawingWay {
  chosen ??= byProcessor ? 'rgba' : quickest(new Map(WAYS.map((way) => [way, measure(way)])));
  return chosen;
}

/** Time to draw a 640x360 picture so many times, its arrival in the canvas forced by reading a pixel. */
function measure(way: DrawingWay): number | null {
  const canvas = document.createElement('canvas');
  try {
    const painter = painterFor(way, canvas);
    if (!painter) return null;
    const picture = testPicture();
    let start = performance.now();
    for (let round = 0; round < WARMING + ROUNDS; round++) {
      if (round === WARMING) start = performance.now();
      painter.paint(picture);
      if (!arrived(canvas)) return null;
    }
    return performance.now() - start;
  } catch {
    return null;
  }
}

/** Reads back the middle: the test picture is white, so black means the way silently does nothing. */
function arrived(canvas: HTMLCanvasElement): boolean {
  const probe = document.createElement('canvas');
  probe.width = probe.height = 1;
  const context = probe.getContext('2d', { willReadFrequently: true });
  if (!context) return false;
  context.drawImage(canvas, canvas.width / 2, canvas.height / 2, 1, 1, 0, 0, 1, 1);
  return (context.getImageData(0, 0, 1, 1).data[1] ?? 0) > 128;
}

function testPicture(): Picture {
  const [width, height] = [640, 360];
  const { luma, chroma } = planeSizes(width, height);
  const planes = new Uint8Array(luma + 2 * chroma).fill(128);
  planes.fill(235, 0, luma);
  return { width, height, number: 0, capturedUs: 0, planes };
}
