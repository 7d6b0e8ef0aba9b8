/** What was, and then what happens, without a gap or a second told twice. */
import type { InspectionView, InspectorView, StatsSample } from '../bindings';

export interface FigureEvents {
  /** The last minutes, first of all. */
  past(inspection: InspectionView): void;
  stats(sample: StatsSample): void;
  inspector(view: InspectorView): void;
}

/** Listens before it asks for what was: what comes in between is told after that. */
export async function watch(
  listen: (later: Omit<FigureEvents, 'past'>) => Promise<() => void>,
  fetch: () => Promise<InspectionView>,
  figures: FigureEvents,
): Promise<() => void> {
  let waiting: StatsSample[] | null = [];
  let newer: InspectorView | null = null;
  const stop = await listen({
    stats: (sample) => (waiting ? waiting.push(sample) : figures.stats(sample)),
    inspector: (view) => (waiting ? (newer = view) : figures.inspector(view)),
  });
  try {
    const past = await fetch();
    figures.past(past);
    const lastMs = past.seconds.at(-1)?.at_ms ?? -1;
    for (const sample of waiting) if (sample.at_ms > lastMs) figures.stats(sample);
    if (newer) figures.inspector(newer);
    waiting = null;
    return stop;
  } catch (thrown) {
    stop();
    throw thrown;
  }
}
