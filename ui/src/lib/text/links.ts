/** Finds web links in what people write, so that they can be opened. Everything else stays text. Pure. */

export interface Piece {
  readonly text: string;
  /** The address, where the piece is a link. */
  readonly link?: string;
}

const LINK = /\bhttps?:\/\/[^\s<>"'`|^\\]+/giu;
/** Belongs to the sentence, not to the link, at its end. */
const TRAILING = /[.,;:!?…]+$/u;
const CLOSERS: Record<string, string> = { ')': '(', ']': '[', '}': '{' };

/** The text in pieces; put together they are the text again. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(LINK)) {
    const link = trimmed(match[0]);
    if (!isAddress(link)) continue;
    if (match.index > from) found.push({ text: text.slice(from, match.index) });
    found.push({ text: link, link });
    from = match.index + link.length;
  }
  if (from < text.length) found.push({ text: text.slice(from) });
  return found;
}

function trimmed(link: string): string {
  let end = link.replace(TRAILING, '');
  for (;;) {
    const last = end.at(-1) ?? '';
    const opener = CLOSERS[last];
    if (!opener || count(end, opener) >= count(end, last)) return end;
    end = end.slice(0, -1).replace(TRAILING, '');
  }
}

const count = (text: string, character: string) => text.split(character).length - 1;

function isAddress(link: string): boolean {
  try {
    const { protocol, hostname } = new URL(link);
    return (protocol === 'http:' || protocol === 'https:') && hostname !== '';
  } catch {
    return false;
  }
}
