/** What tiles are called, by everybody who shows or asks for one: a person by their id, and what they share by that with a word before it. Pure. */

export interface TileName {
  readonly participant: string;
  /** Their screen, and not their picture. */
  readonly screen: boolean;
}

const SCREEN = 'screen:';

export const tileOf = (participant: string, screen = false): string => (screen ? `${SCREEN}${participant}` : participant);

export const namedBy = (tile: string): TileName => (tile.startsWith(SCREEN) ? { participant: tile.slice(SCREEN.length), screen: true } : { participant: tile, screen: false });
