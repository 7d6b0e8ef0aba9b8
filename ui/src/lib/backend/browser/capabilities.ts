/** What this page may do in this browser, found out once. Pure but for what it is handed. */

export interface Place {
  /** HTTPS or this machine: without it browsers give no devices. */
  readonly secure: boolean;
  readonly peerConnection: boolean;
  readonly dataChannel: boolean;
  readonly getUserMedia: boolean;
  readonly getDisplayMedia: boolean;
  readonly setSinkId: boolean;
  /** It knows the colours of both themes (Chrome 123, Firefox 120, Safari 17.5): the page is built for no older one. */
  readonly colours: boolean;
}

/** fine; no devices because the page came without TLS; or nothing at all because the browser is too old. */
export type Standing = 'fine' | 'listen-only' | 'too-old';

export function standing(place: Place): Standing {
  if (!place.peerConnection || !place.dataChannel || !place.colours) return 'too-old';
  if (!place.secure) return 'listen-only';
  return place.getUserMedia ? 'fine' : 'too-old';
}

export function lookAround(): Place {
  const { mediaDevices } = navigator as { mediaDevices?: MediaDevices };
  const peer = typeof RTCPeerConnection === 'function' ? RTCPeerConnection.prototype : null;
  return {
    secure: window.isSecureContext,
    peerConnection: peer !== null && 'addTransceiver' in peer && 'RTCRtpSender' in window && 'replaceTrack' in RTCRtpSender.prototype,
    dataChannel: peer !== null && 'createDataChannel' in peer,
    getUserMedia: typeof mediaDevices?.getUserMedia === 'function',
    getDisplayMedia: typeof mediaDevices?.getDisplayMedia === 'function',
    setSinkId: 'setSinkId' in HTMLMediaElement.prototype,
    colours: CSS.supports('color', 'light-dark(#fff, #000)'),
  };
}

/** Whether it speaks the video of the app, which Firefox has from a plugin that it downloads after its first start. One that does not tell is taken for one that has it. */
export function hasH264(): boolean {
  const codecs = typeof RTCRtpReceiver === 'function' ? RTCRtpReceiver.getCapabilities?.('video')?.codecs : undefined;
  return codecs?.some(({ mimeType }) => mimeType.toLowerCase() === 'video/h264') ?? true;
}
