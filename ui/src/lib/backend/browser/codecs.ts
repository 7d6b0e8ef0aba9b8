/** Which of a browser's codecs are offered: what the app and the SFU speak. */

/** H.264 constrained baseline as the app speaks it; what a browser without it has, where there is none. */
export function preferH264(one: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities?.('video')?.codecs ?? [];
  const ours = codecs.filter(({ mimeType, sdpFmtpLine = '' }) => mimeType === 'video/H264' && /profile-level-id=42e0/iu.test(sdpFmtpLine) && /packetization-mode=1/u.test(sdpFmtpLine));
  prefer(one, ours.length ? [...ours, ...codecs.filter(({ mimeType }) => mimeType === 'video/rtx')] : []);
}

/** Opus, and behind it what has copies of it inside (RFC 2198), where the browser knows that: whoever sends decides when they are worth their bits. */
export function preferOpus(one: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities?.('audio')?.codecs ?? [];
  const of = (type: string): RTCRtpCodec[] => codecs.filter(({ mimeType }) => mimeType === type);
  prefer(one, [...of('audio/opus'), ...of('audio/red')]);
}

function prefer(one: RTCRtpTransceiver, codecs: RTCRtpCodec[]): void {
  if (!codecs.length || !('setCodecPreferences' in one)) return;
  try {
    one.setCodecPreferences(codecs);
  } catch {
    // Then the browser's own order holds, and the answer decides.
  }
}
