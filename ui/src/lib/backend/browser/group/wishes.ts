/**
 * Who is seen in which section: what the window looks at made into the list that the server is told. Pure. As
 * `parley-call/src/session/group/wishes.rs`.
 *
 * Sections are a pool. One person keeps one for as long as they are looked at, and gets theirs back where it is still free. With fewer
 * sections than wishes the higher priority is served first, then what was named first.
 */
import type { TileLook, TileWeight } from '../../../bindings';
import { namedBy } from '../../../tile-name';
import { PEOPLE_MAX, PICTURE_SECTIONS_MAX, SOUND_SECTIONS_MAX } from '../limits';
import type { Roster } from '../roster';
import type { Source, Wish } from '../wire';
import type { Publications } from './publications';

/** Where something is received. */
export interface Section {
  readonly mid: string;
  readonly sound: boolean;
}

interface Place extends Section {
  /** Whom it shows, as {@link keyOf}. */
  shows: string | null;
  /** Whom it showed last. */
  showed: string | null;
}

interface Look {
  readonly participant: string;
  readonly source: Source;
  readonly width: number;
  readonly height: number;
  readonly priority: number;
}

/** Everybody's camera and screen. */
const LOOKS_MAX = 2 * PEOPLE_MAX;
/** People whose shared sound is heard at once: each takes a section from the voices. */
const SHARED_SOUNDS_MAX = 2;
const PRIORITIES: Record<TileWeight, number> = { thumbnail: 0, grid: 1, large: 2, pinned: 3 };

export const keyOf = (participant: string, source: Source): string => `${source} ${participant}`;

export class Wishes {
  /** What the window said last; until then everybody is looked at. */
  #looks: readonly Look[] | null = null;
  /** No camera is asked for. */
  #soundOnly = false;
  #places: readonly Place[] = [];

  look(tiles: readonly TileLook[]): void {
    this.#looks = tiles.slice(0, LOOKS_MAX).map(({ tile, width, height, weight }) => {
      const { participant, screen } = namedBy(tile);
      return { participant, source: screen ? 'screen' : 'camera', width, height, priority: PRIORITIES[weight] };
    });
  }

  /** Whether no camera is asked for, whatever the window shows. Gives whether that is news. */
  setSoundOnly(soundOnly: boolean): boolean {
    const news = this.#soundOnly !== soundOnly;
    this.#soundOnly = soundOnly;
    return news;
  }

  /** These are the sections there are now. */
  setSections(sections: readonly Section[]): void {
    const before = this.#places;
    const sounds = sections.filter(({ sound }) => sound).slice(0, SOUND_SECTIONS_MAX);
    const pictures = sections.filter(({ sound }) => !sound).slice(0, PICTURE_SECTIONS_MAX);
    this.#places = [...sounds, ...pictures].map(({ mid, sound }) => {
      const known = before.find((place) => place.mid === mid && place.sound === sound);
      return { mid, sound, shows: known?.shows ?? null, showed: known?.showed ?? null };
    });
  }

  /** Whether something has a section. */
  has = (participant: string, source: Source): boolean => this.#places.some(({ shows }) => shows === keyOf(participant, source));

  /** The whole list to tell the server. */
  list(roster: Roster, publications: Publications): Wish[] {
    const all = this.#looks?.filter(({ participant }) => roster.has(participant)) ?? everybody(roster, publications);
    const looks = all.filter(({ source }) => !this.#soundOnly || source !== 'camera').sort((a, b) => b.priority - a.priority);
    const room = this.#places.filter(({ sound }) => !sound).length;
    const pictures = new Map<string, Look>();
    for (const look of looks) {
      const key = keyOf(look.participant, look.source);
      if (pictures.size < room && !pictures.has(key)) pictures.set(key, look);
    }
    const sounds = new Map<string, Look>();
    for (const participant of roster.ids) {
      // Shared sound goes with a screen that is being read.
      if (sounds.size < SHARED_SOUNDS_MAX && publications.has(participant, 'screen_sound')) sounds.set(keyOf(participant, 'screen_sound'), { participant, source: 'screen_sound', width: 0, height: 0, priority: 3 });
    }
    this.#seat([...pictures.keys()], false);
    this.#seat([...sounds.keys()], true);
    return this.#places.flatMap(({ mid, shows }) => {
      const look = shows === null ? undefined : (pictures.get(shows) ?? sounds.get(shows));
      return look ? [{ mid, ...look }] : [];
    });
  }

  /** Gives each of them a section of one kind. */
  #seat(wanted: readonly string[], sound: boolean): void {
    const places = this.#places.filter((place) => place.sound === sound);
    for (const place of places) {
      if (place.shows === null || wanted.includes(place.shows)) continue;
      place.showed = place.shows;
      place.shows = null;
    }
    // The server fills those in front with voices first.
    if (sound) places.reverse();
    for (const key of wanted) {
      if (places.some(({ shows }) => shows === key)) continue;
      const free = places.filter(({ shows }) => shows === null);
      const best = free.find(({ showed }) => showed === key) ?? free.find(({ showed }) => showed === null) ?? free[0];
      if (best) best.shows = key;
    }
  }
}

/** Until the window says what it shows, everybody is shown in a grid. */
function everybody(roster: Roster, publications: Publications): Look[] {
  const screens = roster.ids.filter((id) => publications.has(id, 'screen')).map((participant): Look => ({ participant, source: 'screen', width: 1280, height: 720, priority: 2 }));
  const cameras = roster.everybody.filter(({ listens }) => !listens).map(({ id: participant }): Look => ({ participant, source: 'camera', width: 640, height: 360, priority: 1 }));
  return [...screens, ...cameras];
}
