/** Bounds of docs/protocol.md that several parts of a guest's page keep. */

/** People of one room who may speak. */
export const SPEAKING_MAX = 150;
/** People of one room, those who only listen among them. */
export const PEOPLE_MAX = SPEAKING_MAX + 1000;
/** People that one message names. */
export const PEOPLE_TOLD_AT_ONCE = 100;
export const LISTEN_FROM_MAX = 65_535;
/** Tracks of one of them. */
export const PUBLICATIONS_MAX = 4;
export const LAYERS_MAX = 3;
/** Sections that one client receives in. */
export const PICTURE_SECTIONS_MAX = 36;
export const SOUND_SECTIONS_MAX = 8;
export const SPEAKERS_MAX = 5;
