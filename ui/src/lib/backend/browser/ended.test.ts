import { expect, test } from 'vitest';
import { t } from '../../text';
import { endOf } from './ended';

test('no way was found: for a browser without the app’s video that is the reason, and no other end is taken for it', () => {
  const { code, message } = endOf('connection-failed', true);
  expect(code).toBe('connection_failed');
  expect(endOf('connection-failed', false)).toEqual({ code, message: t.guest.noH264 });
  expect(message).not.toBe(t.guest.noH264);
  expect(endOf('bye', false)).toEqual(endOf('bye', true));
});
