/**
 * Everybody of a group on the page: whose picture is in which tile, who is heard, and how they are told to the window. Media is taken from one
 * way at a time where both bring it. One for the page; empty while a call is one of two.
 */
import type { PersonView, PictureState, StatsSample } from '../../../bindings';
import { tileOf } from '../../../tile-name';
import type { Call } from '../call';
import { sizeOf, type Taken } from '../looks';
import { qualityOf, type Look } from '../figures';
import type { Sound } from '../sound';
import type { Streams } from '../streams';
import type { Theirs } from '../theirs';
import type { GroupParts } from '../view';
import type { Participant, Source } from '../wire';
import type { Group } from './group';
import { groupFigures } from './figures';
import { Hands } from './hands';
import { isOn } from './publications';
import { keyOf } from './wishes';

const SOURCES: readonly Source[] = ['microphone', 'camera', 'screen', 'screen_sound'];
const PICTURES = ['camera', 'screen'] as const;

export class Everybody {
  readonly #hands = new Hands();
  readonly #streams: Streams;
  readonly #sound: Sound;
  readonly #theirs: Theirs;
  readonly #volumes = new Map<string, number>();
  readonly #sizes = new Map<string, [number, number]>();
  #quality: PersonView['quality'] = 'unknown';
  #shown = false;

  constructor(streams: Streams, sound: Sound, theirs: Theirs) {
    this.#streams = streams;
    this.#sound = sound;
    this.#theirs = theirs;
  }

  /** Puts what comes where it is seen and heard. */
  show(call: Call): void {
    const { group, direct } = call;
    if (!group) return this.#rest();
    this.#shown = true;
    const covered = new Set(direct ? SOURCES.filter((source) => group.takesFromSfu(direct.other, source, direct)) : []);
    this.#theirs.cover(covered);
    const speakers = call.people.filter(({ listens }) => !listens);
    const tiles = speakers.flatMap(({ id }) => PICTURES.map((source) => tileOf(id, source === 'screen')));
    this.#streams.keepOnly(['self', 'screen', ...tiles]);
    for (const tile of this.#sizes.keys()) if (!tiles.includes(tile)) this.#sizes.delete(tile);
    for (const { id } of speakers) for (const source of PICTURES) {
      if (id === direct?.other && !covered.has(source)) continue;
      const mid = group.carried.sectionOf(id, source, group.publications, group.downs);
      this.#streams.fill(tileOf(id, source === 'screen'), mid === null ? null : call.sfuTrack(mid));
    }
    for (const mid of group.carried.sounds) {
      const whose = group.carried.whose(mid, group.publications);
      // Of whom both ways bring it is heard by one; whose it is not known yet may be theirs.
      const twice = direct?.up === true && (whose === null || (whose.participant === direct.other && !covered.has(whose.source)));
      this.#sound.hear(`sfu ${mid}`, call.sfuTrack(mid));
      // What somebody shares is silent once they say that they share no more, whatever of it is still on its way.
      const over = whose?.source === 'screen_sound' && !isOn(this.#mediaOf(whose.participant, call, group), whose.source);
      this.#sound.setSilent(`sfu ${mid}`, twice || over);
      this.#sound.setVolume(whose?.source === 'microphone' ? this.volumeOf(whose.participant, call) : 100, `sfu ${mid}`);
    }
    this.#sound.keepOnly(['voice', 'screen', ...group.carried.sounds.map((mid) => `sfu ${mid}` as const)]);
  }

  setVolume(id: string, percent: number): void {
    this.#volumes.set(id, Math.min(100, percent));
  }

  levels(call: Call): { id: string; level: number }[] {
    const { group, other } = call;
    if (!group) return other ? [{ id: other.id, level: this.#sound.level('voice') }] : [];
    const levels = new Map(call.people.map(({ id }) => [id, id === other?.id ? this.#sound.level('voice') : 0]));
    for (const mid of group.carried.sounds) {
      const whose = group.carried.whose(mid, group.publications);
      if (whose?.source === 'microphone' && levels.has(whose.participant)) levels.set(whose.participant, Math.max(levels.get(whose.participant) ?? 0, this.#sound.level(`sfu ${mid}`)));
    }
    return [...levels].map(([id, level]) => ({ id, level }));
  }

  /** The sizes that come, and how well. */
  look(call: Call, { sample, look }: Taken): void {
    this.#quality = call.group?.up ? qualityOf(sample) : 'unknown';
    for (const { id } of call.people) for (const source of PICTURES) {
      const tile = tileOf(id, source === 'screen');
      const track = this.#streams.track(tile);
      const size = sizeOf(track, look);
      if (size) this.#sizes.set(tile, size);
      else if (!track) this.#sizes.delete(tile);
    }
  }

  /** What came of each in the second between two looks. */
  figures(call: Call, before: Look, now: Look): Partial<StatsSample> {
    const { group } = call;
    if (!group) return {};
    const voices = new Map<string, string>();
    for (const mid of group.carried.sounds) {
      const [whose, track] = [group.carried.whose(mid, group.publications), call.sfuTrack(mid)];
      if (whose?.source === 'microphone' && track) voices.set(whose.participant, track.id);
    }
    const coming = call.people.map((person) => {
      const { id, picture, screen } = this.#person(person, call, group);
      const layer = group.downs.find((one) => one.participant === id && one.source === 'camera' && one.state === 'flows')?.rid ?? null;
      const track = (tile: string) => this.#streams.track(tile)?.id ?? null;
      return { id, picture, layer: layer || null, camera: track(id), screen, shared: track(tileOf(id, true)), voice: voices.get(id) ?? null };
    });
    return groupFigures(before, now, coming);
  }

  /** How the window is told of them; null in a call of two. */
  parts(call: Call, ownHand: boolean): GroupParts | null {
    const { group, people } = call;
    if (!group) return null;
    const raised = people.filter(({ id }) => this.#handOf(id, call, group)).map(({ id }) => id);
    this.#hands.see([...raised, ...(ownHand ? [null] : [])]);
    const view = group.wanted ? { up: group.up, speakers: [...group.speakers], short: group.short } : null;
    // There may be hundreds who only listen: they have no tile, and nothing comes of them.
    const listeners = people.filter(({ listens }) => listens).map(({ id, name, role, away }) => ({ id, name, host: role === 'host', away, hand_place: this.#hands.place(id), offences: call.mayHost ? group.offences.of(id) : null }));
    return { view, spotlight: call.spotlight, people: people.filter(({ listens }) => !listens).map((person) => this.#person(person, call, group)), listeners, handPlace: this.#hands.place(null) };
  }

  #person({ id, name, role, away }: Participant, call: Call, group: Group): PersonView {
    const member = group.members.get(id);
    const them = call.other?.id === id ? this.#theirs.them : null;
    const media = this.#mediaOf(id, call, group);
    const pictures = Object.fromEntries(PICTURES.map((source) => [source, isOn(media, source) ? this.#pictureOf(id, source, call, group) : 'off'])) as Record<'camera' | 'screen', PictureState>;
    return {
      id,
      name,
      host: role === 'host',
      microphone_on: media.microphone_on,
      camera_on: media.camera_on,
      away,
      hand_raised: this.#handOf(id, call, group),
      hand_place: this.#hands.place(id),
      recording: (member?.recording ?? false) || (them?.recording ?? false),
      picture: pictures.camera,
      video_size: this.#sizes.get(id) ?? null,
      screen_on: media.screen_on === true,
      screen: pictures.screen,
      screen_size: this.#sizes.get(tileOf(id, true)) ?? null,
      volume_pct: this.volumeOf(id, call),
      takes_files: media.takes_files === true,
      offences: call.mayHost ? group.offences.of(id) : null,
      stalled: group.up && group.watch.isStalled(keyOf(id, 'camera')),
      quality: this.#quality,
    };
  }

  /** What they say of it themselves, and else what the server does. */
  #mediaOf(id: string, call: Call, group: Group) {
    const said = call.other?.id === id ? this.#theirs.them.media : null;
    return group.members.get(id)?.media ?? said ?? group.publications.mediaOf(id);
  }

  #pictureOf(id: string, source: 'camera' | 'screen', call: Call, group: Group): PictureState {
    if (source === 'camera' && group.soundOnly) return 'saved';
    const comes = this.#sizes.has(tileOf(id, source === 'screen'));
    const direct = call.direct?.other === id && call.direct.tracks.has(source) && !group.takesFromSfu(id, source, call.direct);
    if (direct) return comes ? 'flows' : 'waiting';
    if (!group.wishes.has(id, source)) return 'unwatched';
    const down = group.downs.find((one) => one.participant === id && one.source === source);
    const state = down?.state;
    if (down && state === 'paused') return group.saves(down) ? 'saved' : 'paused';
    if (state !== 'flows' || !this.#streams.track(tileOf(id, source === 'screen')) || !comes) return 'waiting';
    return group.watch.isStalled(keyOf(id, source)) ? 'stalled' : 'flows';
  }

  /** What they say by words counts, once they did. */
  #handOf(id: string, call: Call, group: Group): boolean {
    const member = group.members.get(id);
    return member?.hand === true || (call.other?.id === id && this.#theirs.them.hand && !member?.media);
  }

  /** How loud somebody is played, in percent. */
  volumeOf = (id: string, call: Call): number => this.#volumes.get(id) ?? (call.other?.id === id ? this.#theirs.them.volume : 100);

  #rest(): void {
    if (!this.#shown) return;
    this.#shown = false;
    this.#theirs.cover(new Set());
    this.#sound.keepOnly(['voice', 'screen']);
    this.#sizes.clear();
    this.#volumes.clear();
    this.#quality = 'unknown';
  }
}
