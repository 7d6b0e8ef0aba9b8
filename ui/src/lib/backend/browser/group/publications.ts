/** What everybody else publishes, as the server says. Pure. As `parley-call/src/session/group/publications.rs`. */
import { LAYERS_MAX, PEOPLE_MAX, PUBLICATIONS_MAX } from '../limits';
import type { MediaState, Publication, Source } from '../wire';

const MOST = PEOPLE_MAX * PUBLICATIONS_MAX;

export class Publications {
  list: readonly Publication[] = [];
  /** The server told them since the last fresh connection. */
  told = false;

  /** The server tells all of them. Tells whether that is news. */
  take(list: readonly Publication[], me: string | null): boolean {
    const next = list.filter((one) => one.number !== 0 && one.participant !== me && one.layers.length <= LAYERS_MAX).slice(0, MOST);
    const news = !this.told || JSON.stringify(next) !== JSON.stringify(this.list);
    this.list = next;
    this.told = true;
    return news;
  }

  /** They are about to be told anew. */
  expect(): void {
    this.told = false;
  }

  forget(): void {
    this.list = [];
    this.told = false;
  }

  byNumber = (number: number): Publication | undefined => this.list.find((one) => one.number === number);
  /** Whether somebody publishes this, on or off. */
  has = (who: string, source: Source): boolean => this.list.some((one) => one.participant === who && one.source === source);
  /** What somebody sends now. */
  on = (who: string): readonly Source[] => this.list.filter((one) => one.participant === who && one.on).map(({ source }) => source);

  /** What a layer takes, in kbit/s; without a name, the least of what is published. */
  kbps(who: string, source: Source, rid: string | null): number {
    const layers = this.list.find((one) => one.participant === who && one.source === source)?.layers ?? [];
    const wanted = layers.filter((layer) => rid === null || layer.rid === rid).map(({ kbps }) => kbps);
    return wanted.length ? Math.min(...wanted) : 0;
  }

  /** What that says of their microphone and the rest, of somebody who did not say it. */
  mediaOf(who: string): MediaState {
    const on = this.on(who);
    return { type: 'media_state', microphone_on: on.includes('microphone'), camera_on: on.includes('camera'), screen_on: on.includes('screen'), screen_sound_on: on.includes('screen_sound') };
  }
}

/** Whether somebody who says this sends such a track. */
export function isOn(media: MediaState | null, source: Source): boolean {
  switch (source) {
    case 'microphone':
      return media?.microphone_on === true;
    case 'camera':
      return media?.camera_on === true;
    case 'screen':
      return media?.screen_on === true;
    case 'screen_sound':
      return media?.screen_sound_on === true;
  }
}

export const isSound = (source: Source): boolean => source === 'microphone' || source === 'screen_sound';
