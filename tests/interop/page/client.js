// A Parley client for two people in a browser: the protocol of docs/protocol.md on the browser's own RTCPeerConnection.
// For tests and benches: a peer that shares no code with Parley.

import { proof, toBase64Url, withoutOtherFingerprints } from './proof.js'

const VERSION = 1

/** Splits http(s)://HOST/r/ROOM#SECRET. */
export function readLink(link) {
  const url = new URL(link)
  return {
    signal: `${url.protocol === 'https:' ? 'wss' : 'ws'}://${url.host}/api/v1/signal`,
    host: url.hostname,
    room: url.pathname.replace('/r/', ''),
    secret: url.hash.slice(1),
  }
}

export class Client {
  /**
   * link: join this room; or server: make a room on that origin (http://host:port).
   * stream: what to send, videoKbps: at most so much. glare: offer at once even as the one who came first, to provoke a collision.
   * alone: ask no server how this side is seen, so that it offers nothing but its own addresses.
   * ownCodec: whatever the browser itself sends pictures with, in place of Parley's H.264.
   */
  constructor({ link, server, name = 'Browser', stream, glare = false, alone = false, onRemote, tamperProof = false, videoKbps, ownCodec = false }) {
    Object.assign(this, { name, stream, glare, alone, onRemote, tamperProof, videoKbps, ownCodec })
    this.target = link ? readLink(link) : { signal: server.replace(/^http/, 'ws') + '/api/v1/signal', host: new URL(server).hostname }
    this.marks = {}
    this.errors = []
    this.verified = false
    this.control = []
    this.offered = []
    this.started = performance.now()
  }

  mark(name) {
    this.marks[name] ??= performance.now() - this.started
  }

  /** Connects and gets a ticket; resolves with the link. Joining comes apart, so that set-up can be timed from there. */
  async prepare() {
    if (!this.target.secret) this.target.secret = toBase64Url(crypto.getRandomValues(new Uint8Array(16)))
    this.socket = new WebSocket(this.target.signal)
    const ticket = new Promise((resolve, reject) => {
      this.onTicket = resolve
      this.socket.onerror = () => reject(new Error('no connection to the server'))
      this.onRefused = (code) => reject(new Error(`refused: ${code}`))
    })
    this.socket.onmessage = (event) => this.chain(() => this.onServer(JSON.parse(event.data)))
    await new Promise((resolve) => (this.socket.onopen = resolve))
    this.send({ type: 'request_ticket', version: VERSION, ...(this.target.room ? { room: this.target.room } : {}) })
    const answer = await ticket
    this.ticket = answer.ticket
    this.target.room = answer.room
    const origin = this.target.signal.replace(/^ws/, 'http').replace('/api/v1/signal', '')
    return `${origin}/r/${this.target.room}#${this.target.secret}`
  }

  join() {
    this.started = performance.now()
    this.marks = {}
    this.send({ type: 'join', version: VERSION, ticket: this.ticket, name: this.name })
    this.pings = setInterval(() => this.send({ type: 'ping', nonce: 1 }), 8000)
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message))
  }

  toPeer(payload) {
    this.send({ type: 'signal', to: this.other.id, payload })
  }

  // Messages are handled strictly one after the other: each may wait for the peer connection.
  chain(step) {
    this.queue = (this.queue ?? Promise.resolve()).then(step).catch((error) => this.errors.push(String(error)))
  }

  async onServer(message) {
    switch (message.type) {
      case 'ticket':
        return this.onTicket(message)
      case 'joined': {
        this.mark('joined')
        this.me = message.you
        this.mine = message.participants.find((p) => p.id === message.you)
        this.iceServers = message.ice_servers
          .filter((s) => s.kind === 'stun')
          .map((s) => ({ urls: `stun:${s.host ?? this.target.host}:${s.port}` }))
        const other = message.participants.find((p) => p.id !== message.you)
        if (other) this.meet(other, true)
        return
      }
      case 'participant_joined':
        return this.meet(message.participant, false)
      case 'participant_left':
        this.left = message.reason
        return
      case 'signal':
        return this.onPeer(message.payload)
      case 'error':
        this.errors.push(`server: ${message.code}`)
        return this.onRefused?.(message.code)
    }
  }

  meet(other, iCameLater) {
    this.other = other
    this.polite = this.mine.order > other.order
    const pc = (this.pc = new RTCPeerConnection({ iceServers: this.alone ? [] : this.iceServers }))
    // Nothing of ours may be sent before the other side's proof was checked: a disabled track sends black and silence.
    for (const track of this.stream.getTracks()) {
      track.enabled = false
      const sender = pc.addTrack(track, this.stream)
      if (track.kind === 'video') this.chooseVideo(pc.getTransceivers().find((t) => t.sender === sender))
    }
    for (const kind of ['video', 'audio']) {
      if (this.stream.getTracks().some((track) => track.kind === kind)) continue
      const transceiver = pc.addTransceiver(kind, { direction: 'recvonly' })
      // Who offers decides which codec comes first, so one who only watches chooses too.
      if (kind === 'video') this.chooseVideo(transceiver)
    }
    const channel = pc.createDataChannel('parley-control', { negotiated: true, id: 0 })
    channel.onopen = () => {
      this.mark('controlOpen')
      this.tellMedia()
    }
    channel.onmessage = (event) => {
      // What was said before the other side's channel was open too may be lost: hearing from it, say it again.
      if (this.control.length === 0) this.tellMedia()
      this.control.push(JSON.parse(event.data))
    }
    this.channel = channel
    pc.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) {
        this.offered.push(candidate.candidate)
        this.toPeer({
          kind: 'candidate',
          candidate: candidate.candidate,
          sdp_mid: candidate.sdpMid,
          sdp_mline_index: candidate.sdpMLineIndex,
          username_fragment: candidate.usernameFragment,
        })
      }
    }
    pc.ontrack = ({ track, streams }) => this.onRemote?.(track, streams[0])
    pc.onconnectionstatechange = () => {
      this.mark(pc.connectionState)
    }
    pc.onnegotiationneeded = () => {
      if (iCameLater || this.glare || this.negotiated) this.chain(() => this.offer())
    }
  }

  /** H.264 as Parley speaks it (constrained baseline, packetization-mode 1), and a rate for benches. */
  chooseVideo(transceiver) {
    const { sender } = transceiver
    if (!this.ownCodec) {
      const codecs = RTCRtpReceiver.getCapabilities('video').codecs
      transceiver.setCodecPreferences(
        codecs.filter(
          ({ mimeType, sdpFmtpLine = '' }) =>
            mimeType === 'video/rtx' || (mimeType === 'video/H264' && /profile-level-id=42e0.*|packetization-mode=1/.test(sdpFmtpLine)),
        ),
      )
    }
    if (this.videoKbps && sender.track) {
      const parameters = sender.getParameters()
      parameters.degradationPreference = 'maintain-resolution'
      parameters.encodings[0].maxBitrate = this.videoKbps * 1000
      this.chain(() => sender.setParameters(parameters))
    }
  }

  async offer() {
    if (this.pc.signalingState !== 'stable') return
    this.makingOffer = true
    try {
      await this.pc.setLocalDescription()
      this.describe()
    } finally {
      this.makingOffer = false
    }
  }

  describe() {
    const { type, sdp } = this.pc.localDescription
    this.toPeer({ kind: 'description', sdp_type: type, sdp })
  }

  async onPeer(payload) {
    if (payload.kind === 'description') return this.onDescription(payload)
    if (payload.kind === 'candidate') {
      // A candidate may overtake its description, and one of an offer that lost a glare comes without any.
      if (!this.pc.remoteDescription) return void (this.early ??= []).push(payload)
      const { candidate, sdp_mid, sdp_mline_index, username_fragment } = payload
      try {
        await this.pc.addIceCandidate({
          candidate,
          sdpMid: sdp_mid ?? null,
          sdpMLineIndex: sdp_mline_index ?? null,
          usernameFragment: username_fragment ?? null,
        })
      } catch (error) {
        if (!this.ignoringOffer) throw error
      }
      return
    }
    if (payload.kind === 'proof') {
      this.theirProof = payload.mac
      return this.checkProof()
    }
  }

  async onDescription({ sdp_type: type, sdp }) {
    const collision = type === 'offer' && (this.makingOffer || this.pc.signalingState !== 'stable')
    if (collision) this.mark('glare')
    this.ignoringOffer = !this.polite && collision
    if (this.ignoringOffer) return
    await this.pc.setRemoteDescription({ type, sdp: withoutOtherFingerprints(sdp) })
    const early = (this.early ?? []).filter(({ username_fragment: fragment }) => !fragment || sdp.includes(`a=ice-ufrag:${fragment}`))
    this.early = []
    for (const payload of early) await this.onPeer(payload)
    if (type === 'offer') {
      await this.pc.setLocalDescription()
      this.describe()
    }
    this.negotiated = true
    await this.sendProof()
    await this.checkProof()
  }

  async sendProof() {
    const mac = await this.makeProof(true)
    if (mac === this.sentProof) return
    this.sentProof = mac
    // tamperProof: what someone would send who does not know the secret.
    this.toPeer({ kind: 'proof', mac: this.tamperProof ? toBase64Url(new Uint8Array(32)) : mac })
  }

  makeProof(own) {
    const mine = this.pc.localDescription.sdp
    const theirs = this.pc.remoteDescription.sdp
    return proof({
      secret: this.target.secret,
      room: this.target.room,
      sender: own ? this.me : this.other.id,
      receiver: own ? this.other.id : this.me,
      polite: own ? this.polite : !this.polite,
      senderSdp: own ? mine : theirs,
      receiverSdp: own ? theirs : mine,
    })
  }

  async checkProof() {
    if (!this.theirProof || this.pc.signalingState !== 'stable' || !this.pc.remoteDescription) return
    if (this.theirProof !== (await this.makeProof(false))) {
      this.errors.push('the proof is wrong')
      return
    }
    this.verified = true
    this.mark('verified')
    for (const track of this.stream.getTracks()) track.enabled = true
    this.tellMedia()
  }

  // Neither before the proof nor before the channel is open.
  tellMedia() {
    if (!this.verified) return
    this.tell({
      type: 'media_state',
      microphone_on: this.stream.getAudioTracks().length > 0,
      camera_on: this.stream.getVideoTracks().length > 0,
    })
  }

  tell(message) {
    if (this.channel?.readyState === 'open') this.channel.send(JSON.stringify(message))
  }

  /** Whether the other side has gone, by its own word or the server's. */
  get over() {
    return this.left !== undefined || this.control.some(({ type }) => type === 'bye')
  }

  leave() {
    this.tell({ type: 'bye' })
    this.send({ type: 'leave' })
    clearInterval(this.pings)
    setTimeout(() => {
      this.pc?.close()
      this.socket?.close()
    }, 100)
  }

  /** Everything worth knowing about the call, in plain numbers. */
  async report() {
    const report = { verified: this.verified, marks: this.marks, errors: this.errors, control: this.control, offered: this.offered, left: this.left ?? null }
    if (!this.pc) return report
    report.connection = this.pc.connectionState
    for (const entry of (await this.pc.getStats()).values()) {
      if (entry.type === 'inbound-rtp' || entry.type === 'outbound-rtp' || entry.type === 'remote-inbound-rtp') {
        report[`${entry.type === 'inbound-rtp' ? 'in' : entry.type === 'outbound-rtp' ? 'out' : 'remote'}_${entry.kind}`] = { ...entry }
      } else if (entry.type === 'candidate-pair' && entry.nominated) {
        report.pair = { rtt: entry.currentRoundTripTime, sent: entry.bytesSent, received: entry.bytesReceived }
      } else if (entry.type === 'codec') {
        ;(report.codecs ??= []).push(entry.mimeType)
      }
    }
    return report
  }
}
