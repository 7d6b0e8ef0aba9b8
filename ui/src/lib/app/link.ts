/** A first look at what was pasted, so that obvious slips are told in place. The engine's word is final. */

export type LinkSlip = 'empty' | 'none' | 'noSecret' | 'damaged' | 'noRoom';

/** 128 bits as base64url without padding; its last letter has room for four bits too many. */
const SECRET = /^[\w-]{21}[AQgw]$/u;

const URL_LIKE = /(?:https?|parley):\/\/[^\s<>"'`|，。、；：！？（）「」《》]+/iu;

/** What is plainly wrong with the text, or null when it is worth handing to the engine. */
export function linkSlip(text: string): LinkSlip | null {
  if (!text.trim()) return 'empty';
  const found = URL_LIKE.exec(text)?.[0];
  if (!found) return 'none';
  const [address = '', secret = ''] = found.split('#', 2);
  const inApp = /^parley:/iu.test(address);
  const room = inApp ? /^parley:\/\/join\/[^/]+\/([^/?]+)/iu.exec(address) : /^https?:\/\/[^/]+\/r\/([^/?]+)/iu.exec(address);
  if (!room) return inApp || /\/r\/?$/iu.test(address) ? 'noRoom' : 'none';
  // A sentence may go on right behind the link.
  const whole = secret.replace(/[()[\]{},;.!?:]+$/u, '');
  if (!whole) return 'noSecret';
  return SECRET.test(whole) ? null : 'damaged';
}
