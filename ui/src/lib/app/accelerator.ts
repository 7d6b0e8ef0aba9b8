/** Keys that work from any program, as the shell takes them (`Ctrl+Shift+KeyM`). Pure: reads what matters of a key press. */

export interface Pressed {
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly metaKey: boolean;
}

const MODIFIER = /^(?:Control|Alt|Shift|Meta|OS)/u;
/** Keys that nobody types with, so that they may be taken alone. */
const ALONE = /^(?:F\d{1,2}|Pause|ScrollLock|Insert|Media\w+|Audio\w+)$/u;

/** The key as the shell takes it; null while only modifiers are held, or for a key that would be missed when typing. */
export function accelerator(press: Pressed): string | null {
  if (!press.code || MODIFIER.test(press.code)) return null;
  const held = [press.ctrlKey && 'Ctrl', press.altKey && 'Alt', press.shiftKey && 'Shift', press.metaKey && 'Super'].filter(Boolean);
  const carries = press.ctrlKey || press.altKey || press.metaKey;
  if (!carries && !ALONE.test(press.code)) return null;
  return [...held, press.code].join('+');
}

/** The same for people: `Ctrl + Shift + M`. */
export function keyWords(key: string, mac: boolean): string {
  const names: Readonly<Record<string, string>> = mac ? { Ctrl: '⌃', Alt: '⌥', Shift: '⇧', Super: '⌘' } : {};
  return key
    .split('+')
    .filter(Boolean)
    .map((part) => names[part] ?? part.replace(/^(?:Key|Digit)(?=.$)/u, '').replace(/^Numpad/u, 'Num '))
    .join(mac ? ' ' : ' + ');
}
