/** The language in use. One place, so that a choice of language can come later. */
import { en, type Text } from './en';

export const t: Text = en;
