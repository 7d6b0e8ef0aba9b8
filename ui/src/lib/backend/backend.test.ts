import { expect, test } from 'vitest';
import { commandError } from './backend';

test('whatever is thrown becomes an error with a sentence', () => {
  expect(commandError({ code: 'bad_link', message: 'No link.' }, 'x')).toEqual({ code: 'bad_link', message: 'No link.' });
  expect(commandError('plain words', 'x')).toEqual({ code: 'failed', message: 'plain words' });
  expect(commandError(new Error('oops'), 'x')).toEqual({ code: 'failed', message: 'oops' });
  expect(commandError(undefined, 'That did not work.')).toEqual({ code: 'failed', message: 'That did not work.' });
});
