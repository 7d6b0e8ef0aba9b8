/** What was read as JSON and is not believed yet: small questions about it. Pure. */
import { fromBase64Url } from './base64';

export type Loose = Readonly<Record<string, unknown>>;

/** As on the wire (docs/protocol.md, "Limits"). */
export const SDP_CHARS_MAX = 48 * 1024;
export const NUMBER_MAX = 2 ** 32 - 1;
const ID_BYTES = 16;

/** Those of a list that make sense, of the first `most`. */
export const each = <T>(list: unknown, most: number, read: (it: unknown) => T | null): T[] => (Array.isArray(list) ? list.slice(0, most).map(read).filter((one) => one !== null) : []);
export const isObject = (value: unknown): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);
export const isText = (value: unknown, most: number): value is string => typeof value === 'string' && value.length <= most;
export const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
export const isId = (value: unknown): value is string => isText(value, 22) && fromBase64Url(value)?.length === ID_BYTES;
/** A whole number that fits 32 bits. */
export const isCount = (value: unknown): value is number => isNumber(value) && Number.isInteger(value) && value >= 0 && value <= NUMBER_MAX;
