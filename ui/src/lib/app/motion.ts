/** Movement by the tokens: length and curve are read from the styles, so reduced motion holds here too. */
export function motion(element: Element | null, frames: Keyframe[]): void {
  if (!element) return;
  const styles = getComputedStyle(element);
  const duration = milliseconds(styles.getPropertyValue('--motion-panel'));
  if (duration > 0) element.animate(frames, { duration, easing: styles.getPropertyValue('--ease').trim() || 'ease-out' });
}

/** A CSS time; minifiers write `.2s` for `200ms`. */
export function milliseconds(text: string): number {
  const value = Number.parseFloat(text);
  if (!Number.isFinite(value)) return 0;
  return text.trim().endsWith('ms') ? value : value * 1000;
}
