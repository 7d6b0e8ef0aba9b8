/** Dark or light: what is chosen, what the system has, and calls being dark unless light was asked for. */
import type { Appearance, Phase } from '../bindings';

export function themeFor(appearance: Appearance, systemDark: boolean, phase: Phase): 'dark' | 'light' {
  if (appearance !== 'system') return appearance;
  return systemDark || phase === 'in_call' ? 'dark' : 'light';
}
