/** What Wolf does differently from what a client could wish for; each can be switched on alone. */

/** All off: a good host. Source: WOLF.md and the recorded bytes. */
export interface WolfHabits {
  /** Frames are numbered from 0, which clients reject: 2 s until the first picture. */
  firstFrameIndex0: boolean;
  /** Only the edges of a frame are flagged, not those of its FEC blocks: clients cannot repair the latter. */
  flagsFrameOnly: boolean;
  /** RTSP `Session` is the same for everybody, so requests are told apart by label or address. */
  constantSession: boolean;
  /** Neither rtspenc, nor control v2, nor encrypted video are offered. */
  noEncryption: boolean;
  /** A second response, 400, follows the answer to /resume on the same connection. */
  secondResponseOnResume: boolean;
  /** A TLS client that resumes its session gets an internal_error alert. */
  failTlsResumption: boolean;
  /** HTTP connections are closed after each response without `Connection: close`. */
  closeWithoutNotice: boolean;
  /** When any ENet peer of a client ends, the stream that client has then is paused, its own or not. */
  stalePeerPause: boolean;
  /** /launch under a certificate that has a session resumes that session, whatever the appid. */
  launchIsResume: boolean;
  /** Media stays where the first ping came from. */
  firstPingOnly: boolean;
  /** A client that asks to pair makes the host forget who of its address waited before: no answer ever comes. */
  forgetOlderPairing: boolean;
  /** Wolf of 2024: no X-SS headers; media pings are `PING`, clients are known by address. */
  legacyTokens: boolean;
}

const NONE: WolfHabits = {
  firstFrameIndex0: false,
  flagsFrameOnly: false,
  constantSession: false,
  noEncryption: false,
  secondResponseOnResume: false,
  failTlsResumption: false,
  closeWithoutNotice: false,
  stalePeerPause: false,
  launchIsResume: false,
  firstPingOnly: false,
  forgetOlderPairing: false,
  legacyTokens: false,
};

/** Wolf 0a4e766 in all its habits. */
export const WOLF_HABITS: WolfHabits = {
  firstFrameIndex0: true,
  flagsFrameOnly: true,
  constantSession: true,
  noEncryption: true,
  secondResponseOnResume: true,
  failTlsResumption: true,
  closeWithoutNotice: true,
  stalePeerPause: true,
  launchIsResume: true,
  firstPingOnly: true,
  forgetOlderPairing: true,
  legacyTokens: false,
};

/** `chosen` over a good host's. */
export function completeHabits(chosen: Partial<WolfHabits> = {}): WolfHabits {
  return { ...NONE, ...chosen };
}
