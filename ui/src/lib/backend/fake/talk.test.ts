import { expect, test } from 'vitest';
import { FakeTalk } from './talk';

function talk() {
  const due: (() => void)[] = [];
  return { talk: new FakeTalk(false, () => {}, (run) => void due.push(run)), later: () => due.splice(0).forEach((run) => run()) };
}

const states = (of: FakeTalk) => of.now.transfers.map((one) => one.state);

test('a file that was cancelled before it began to move stays cancelled', () => {
  const { talk: one, later } = talk();
  one.offer(['/a'], [{ id: 'p-1', name: 'One' }, { id: 'p-2', name: 'Two' }]);
  one.file('f1', { state: 'cancelled_here' });
  later();
  expect(states(one)).toEqual(['cancelled_here', 'moving']);
});

test('a file that was cancelled or paused while it came is not done a moment later', () => {
  const { talk: one, later } = talk();
  ['a', 'b', 'c'].forEach((name) => one.offered(name, 1000));
  ['f1', 'f2', 'f3'].forEach((id) => one.decide(id, true));
  one.file('f1', { state: 'cancelled_here' });
  one.pause('f2', true);
  later();
  expect(states(one)).toEqual(['cancelled_here', 'paused', 'done']);
});
