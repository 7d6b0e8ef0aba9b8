/** Which key asks for what. Pure: reads what matters of a keyboard event. */
import { t } from '../text';

export interface KeyPress {
  readonly key: string;
  readonly code: string;
  readonly ctrl: boolean;
  readonly meta: boolean;
  readonly alt: boolean;
  readonly shift: boolean;
  readonly repeat: boolean;
  /** In a text field, where letters are letters. */
  readonly typing: boolean;
  /** On a button or the like, where space and Enter press it. */
  readonly onControl: boolean;
}

/** A shortcut as shown: `mod` is Ctrl, or Cmd on a Mac. */
export interface Shortcut {
  readonly key: string;
  readonly mod?: boolean;
}

/** Whether a key press is this shortcut. */
export function pressed(press: KeyPress, shortcut: Shortcut): boolean {
  if (press.alt || press.repeat) return false;
  const mod = press.ctrl || press.meta;
  if (shortcut.mod) return mod && press.key.toLowerCase() === shortcut.key.toLowerCase();
  return !mod && !press.typing && press.key.toLowerCase() === shortcut.key.toLowerCase();
}

/** Whether it is the push-to-talk key going down: space, away from fields and buttons. */
export function talks(press: KeyPress): boolean {
  return press.code === 'Space' && !press.typing && !press.onControl && !press.ctrl && !press.meta && !press.alt;
}

/** The shortcut in words, as written on this system's keyboards. */
export function written(shortcut: Shortcut, mac: boolean): string {
  const key = shortcut.key.length === 1 ? shortcut.key.toUpperCase() : shortcut.key;
  if (!shortcut.mod) return key;
  return mac ? `⌘ ${key}` : `${t.shortcuts.ctrl} ${key}`;
}

const TEXT_INPUTS = new Set(['text', 'search', 'url', 'email', 'password', 'tel', 'number', '']);

/** Reads a browser's event. */
export function keyPress(event: KeyboardEvent): KeyPress {
  const target = event.target instanceof Element ? event.target : null;
  const input = target?.closest('input, textarea, [contenteditable="true"]');
  const typing = input instanceof HTMLInputElement ? TEXT_INPUTS.has(input.type) : Boolean(input);
  return {
    key: event.key,
    code: event.code,
    ctrl: event.ctrlKey,
    meta: event.metaKey,
    alt: event.altKey,
    shift: event.shiftKey,
    repeat: event.repeat,
    typing,
    onControl: Boolean(target?.closest('button, a, input, summary, [role="menuitemradio"], [tabindex]:not([tabindex="-1"])')),
  };
}
