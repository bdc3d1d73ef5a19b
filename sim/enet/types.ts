/** What both ends of the ENet engine share: its events, its states and its numbers. */

/** Reliable: retransmitted, in order per channel. Unreliable: dropped when late. Unsequenced: in any order. */
export type EnetMode = 'reliable' | 'unreliable' | 'unsequenced';

/** Who ended a connection: the other end, its silence, or this end. */
export type EnetDisconnectReason = 'remote' | 'timeout' | 'local';

/** Callbacks of one connection. They run after the answer to the datagram that caused them was transmitted. */
export interface EnetEvents {
  onConnect: () => void;
  onMessage: (channelID: number, payload: Uint8Array) => void;
  /** Called once; `data` is the 32-bit number of the other end's DISCONNECT, 0 otherwise. */
  onDisconnect: (reason: EnetDisconnectReason, data: number) => void;
}

export type EnetPeerState =
  | 'connecting'
  | 'acknowledgingConnect'
  | 'connected'
  | 'disconnectLater'
  | 'disconnecting'
  | 'acknowledgingDisconnect'
  | 'disconnected';

/** When an unacknowledged command means that the other end is gone. Source: enet `enet_peer_timeout`. */
export interface EnetTimeouts {
  /** Dead after `minimumMs` once 2^(attempts - 1) reaches this; it also caps the retransmission back-off. */
  limit: number;
  minimumMs: number;
  /** Dead after this, whatever the attempts. */
  maximumMs: number;
}

/** ENet's own. Source: enet.h `ENET_PEER_TIMEOUT_*`. */
export const ENET_DEFAULT_TIMEOUTS: EnetTimeouts = { limit: 32, minimumMs: 5000, maximumMs: 30_000 };

/** What a Moonlight client sets once it is connected. Source: moonlight-common-c ControlStream.c. */
export const MOONLIGHT_CLIENT_TIMEOUTS: EnetTimeouts = { limit: 2, minimumMs: 10_000, maximumMs: 10_000 };

/** Moonlight's ENet fork keeps datagrams below this, in bytes. */
export const ENET_MTU = 900;
/** Channels a Moonlight client asks for. */
export const ENET_CHANNELS = 48;
/** channelID of commands that belong to the connection itself. */
export const ENET_PEER_CHANNEL = 0xff;
/** Bytes of reliable data that may be unacknowledged. */
export const ENET_WINDOW_SIZE = 65_536;
/** packetThrottleInterval, -Acceleration, -Deceleration: a client refuses a VERIFY_CONNECT with others. */
export const ENET_THROTTLE = {
  packetThrottleInterval: 5000,
  packetThrottleAcceleration: 2,
  packetThrottleDeceleration: 2,
} as const;
