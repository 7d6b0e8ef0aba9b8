/** What is said of a newer Parley. */
import { describe, expect, test } from 'vitest';
import type { UpdateState, UpdateView } from '../bindings';
import { hasFailed, isToBeHad, isToldAtHome, updateWords } from './updates';

const update = (state: UpdateState, change: Partial<UpdateView> = {}): UpdateView => ({ state, version: null, put_off: false, ...change });

describe('a newer Parley', () => {
  test('is told by its version', () => expect(updateWords(update('ready', { version: '2.0.0' }))).toBe('Parley 2.0.0 is ready.'));

  test.each([
    ['nobody looked', update('unknown'), false],
    ['the package manager brings it', update('packaged'), false],
    ['there is one', update('ready', { version: '2.0.0' }), true],
    ['there is one, not now', update('ready', { version: '2.0.0', put_off: true }), false],
    ['it is being fetched', update('fetching', { version: '2.0.0' }), true],
    ['it did not come', update('unreachable', { version: '2.0.0' }), true],
    ['it is not genuine', update('refused', { version: '2.0.0' }), true],
    ['nobody answered a question asked in the settings', update('unreachable'), false],
    ['it is looked for again', update('looking', { version: '2.0.0' }), false],
  ])('where calls begin: %s', (_, view, told) => expect(isToldAtHome(view)).toBe(told));

  test.each([
    [update('ready', { version: '2.0.0' }), true],
    [update('failed', { version: '2.0.0' }), true],
    [update('fetching', { version: '2.0.0' }), false],
    [update('installing', { version: '2.0.0' }), false],
    [update('in_place', { version: '2.0.0' }), false],
    [update('unreachable'), false],
    [update('newest'), false],
  ])('can be had: %o', (view, had) => expect(isToBeHad(view)).toBe(had));

  test('says more where something went wrong', () => {
    const failed = (['unknown', 'ready', 'newest', 'unreachable', 'refused', 'failed'] as const).filter(hasFailed);
    expect(failed).toEqual(['unreachable', 'refused', 'failed']);
  });
});
