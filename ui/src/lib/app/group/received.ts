/** What comes of each person, for the inspector's table. Pure: from a second's figures to words. */
import type { PersonFigures, PersonView, PictureState } from '../../bindings';
import { t } from '../../text';
import { milliseconds, percent, picture } from '../../text/format';

export interface Received {
  readonly id: string;
  readonly name: string;
  readonly picture: string;
  readonly screen: string;
  readonly sound: string;
  /** Something that should come does not. */
  readonly bad: boolean;
}

/** In the order in which people came; who is gone meanwhile has no name any more. */
export function received(figures: readonly PersonFigures[], people: readonly PersonView[]): readonly Received[] {
  const names = new Map(people.map(({ id, name }) => [id, name || t.chat.nameless]));
  return figures.map((one) => ({
    id: one.id,
    name: names.get(one.id) ?? t.chat.nameless,
    picture: pictureWords(one.frozen ? 'stalled' : one.picture, one.size, one.fps, one.layer),
    screen: pictureWords(one.screen, one.screen_size, one.screen_fps, null),
    sound: one.jitter_buffer_ms === null ? t.quality.none : t.inspector.soundOf({ wait: milliseconds(one.jitter_buffer_ms), invented: percent(one.concealed_pct) }),
    bad: one.frozen || [one.picture, one.screen].some((state) => state === 'stalled' || state === 'paused'),
  }));
}

function pictureWords(state: PictureState, size: readonly [number, number] | null, fps: number, layer: string | null): string {
  switch (state) {
    case 'off':
      return t.quality.none;
    case 'unwatched':
      return t.inspector.notShown;
    case 'paused':
      return t.group.ways.weak;
    case 'saved':
    case 'waiting':
    case 'stalled':
      return t.group.ways[state];
    case 'flows': {
      const words = picture(size, fps) ?? t.group.ways.waiting;
      return layer ? `${words} (${layer})` : words;
    }
  }
}
