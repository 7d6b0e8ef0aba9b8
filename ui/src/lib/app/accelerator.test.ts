import { expect, test } from 'vitest';
import { accelerator, keyWords } from './accelerator';

const press = (code: string, held = '') => ({
  code,
  ctrlKey: held.includes('c'),
  altKey: held.includes('a'),
  shiftKey: held.includes('s'),
  metaKey: held.includes('m'),
});

test.each([
  ['KeyM', 'cs', 'Ctrl+Shift+KeyM'],
  ['F9', '', 'F9'],
  ['Pause', '', 'Pause'],
  ['Space', 'a', 'Alt+Space'],
  ['Digit1', 'm', 'Super+Digit1'],
  ['KeyM', '', null],
  ['KeyM', 's', null],
  ['Space', '', null],
  ['ControlLeft', 'c', null],
  ['', 'c', null],
])('%s with "%s" is %s', (code, held, expected) => expect(accelerator(press(code, held))).toBe(expected));

test('people read it without codes', () => {
  expect(keyWords('Ctrl+Shift+KeyM', false)).toBe('Ctrl + Shift + M');
  expect(keyWords('Ctrl+KeyM', true)).toBe('⌃ M');
  expect(keyWords('F9', false)).toBe('F9');
  expect(keyWords('', false)).toBe('');
});
