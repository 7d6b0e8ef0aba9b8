import { expect, test } from 'vitest';
import { NOTHING_FOUND } from '../app/inspector';
import { Figures } from '../app/figures.svelte';
import type { InspectionView, StatsSample } from '../bindings';
import { MORE_FIGURES, FOUND } from './fake/inspector';
import type { Backend } from './backend';
import { watch, type FigureEvents } from './watch';

const second = (at_ms: number): StatsSample => ({ ...MORE_FIGURES, at_ms }) as StatsSample;
const times = (figures: Figures) => figures.samples.map((sample) => sample.at_ms);

/** A shell whose events come when the test says so. */
class Shell {
  later: Omit<FigureEvents, 'past'> | null = null;
  listens = 0;
  answer: ((past: InspectionView) => void) | null = null;

  watch: Backend['watch'] = (figures) =>
    watch(
      (later) => {
        this.later = later;
        this.listens += 1;
        return Promise.resolve(() => {
          this.later = null;
          this.listens -= 1;
        });
      },
      () => new Promise((answer) => (this.answer = answer)),
      figures,
    );
}

test('what comes while the past is fetched follows it, and no second is told twice', async () => {
  const shell = new Shell();
  const figures = new Figures(shell);
  const leave = figures.look();
  await expect.poll(() => shell.answer).not.toBeNull();
  shell.later?.stats(second(2000));
  shell.later?.stats(second(3000));
  shell.later?.inspector(FOUND);
  expect(times(figures)).toEqual([]);
  shell.answer?.({ seconds: [second(1000), second(2000)], view: NOTHING_FOUND });
  await expect.poll(() => times(figures)).toEqual([1000, 2000, 3000]);
  expect(figures.view).toEqual(FOUND);
  shell.later?.stats(second(4000));
  expect(times(figures)).toEqual([1000, 2000, 3000, 4000]);
  leave();
});

test('figures come only while somebody looks, however many do', async () => {
  const shell = new Shell();
  const figures = new Figures(shell);
  const [one, other] = [figures.look(), figures.look()];
  await expect.poll(() => shell.answer).not.toBeNull();
  shell.answer?.({ seconds: [], view: NOTHING_FOUND });
  await expect.poll(() => shell.listens).toBe(1);
  one();
  one();
  await Promise.resolve();
  expect(shell.listens, 'one still looks').toBe(1);
  other();
  await expect.poll(() => shell.listens).toBe(0);
  const again = figures.look();
  await expect.poll(() => shell.listens).toBe(1);
  again();
});
