/**
 * The first picture. Clients expect frames from 1 on and silently reject a frame 0, then wait two seconds before
 * they ask for a key frame. Where a host starts at 0, the relay asks at once, in the client's name, until a key
 * frame that the client accepts is seen.
 */
import {
  FRAME_TYPE,
  parseFrameHeader,
  parseVideoPacket,
  readEncryptedFrameNumber,
  readFrameIndex,
  VIDEO_FLAG,
} from '../../core/protocol/rtp/video.ts';
import { SS_ENC } from '../../core/protocol/sdp.ts';
import { formatIdrRequest } from '../control/messages.ts';
import type { RelayContext } from '../context.ts';
import { isOpen, UNKNOWN, type Flow } from '../flow/flow.ts';

const ATTEMPTS_MAX = 8;
const INTERVAL_MS = 150;

/** Looks at a video datagram of the host while the first picture is not settled. */
export function watchFirstPicture(relay: RelayContext, flow: Flow, datagram: Uint8Array): void {
  const { picture } = flow;
  const isEncrypted = (flow.encryptionEnabled & SS_ENC.VIDEO) !== 0;
  const frameIndex = isEncrypted ? readEncryptedFrameNumber(datagram) : readFrameIndex(datagram);
  switch (picture.state) {
    case 'watching':
      picture.state = frameIndex === 0 ? 'asking' : 'settled';
      askForPicture(relay, flow);
      return;
    case 'asking':
      if (frameIndex < 1) return;
      if (isEncrypted) picture.isLastAttempt = true;
      else if (startsIdr(datagram)) picture.state = 'settled';
      return;
    case 'settled':
  }
}

/** Sends the next request if one is due; called every tick. */
export function askForPicture({ clock }: RelayContext, flow: Flow): void {
  const { picture, peer, control, rikey } = flow;
  if (picture.state !== 'asking' || clock.nowMs < picture.dueMs || !isOpen(flow)) return;
  if (rikey === undefined || picture.attempts >= ATTEMPTS_MAX) {
    picture.state = 'settled';
    return;
  }
  if (peer.hostPeerID === UNKNOWN) return;
  control.upstream.udp.send(formatIdrRequest(flow, rikey), control.hostPort, control.hostAddress);
  picture.attempts += 1;
  picture.dueMs = clock.nowMs + INTERVAL_MS;
  if (picture.isLastAttempt) picture.state = 'settled';
}

/** Whether this is the first packet of an IDR frame. */
function startsIdr(datagram: Uint8Array): boolean {
  const packet = parseVideoPacket(datagram);
  if (packet === undefined || packet.isParity || packet.fecBlock !== 0) return false;
  if ((packet.flags & VIDEO_FLAG.SOF) === 0) return false;
  return parseFrameHeader(datagram.subarray(packet.payloadOffset))?.frameType === FRAME_TYPE.IDR;
}
