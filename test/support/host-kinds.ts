/** The kinds of hosts that the appliance must serve alike, and what a client can have of each. */
import { SS_ENC } from '../../core/protocol/sdp.ts';
import { WOLF_HABITS } from '../../sim/host/habits.ts';
import type { SimHostOptions } from '../../sim/host/host.ts';

export interface HostKind {
  name: string;
  options: SimHostOptions;
  controlVersion: 'v1' | 'v2';
  hasVideoEncryption: boolean;
  /** Whether its first frame is number 0, which clients reject. */
  startsAtFrame0: boolean;
}

const ALL = SS_ENC.CONTROL_V2 | SS_ENC.VIDEO | SS_ENC.AUDIO;

/** Offers everything that Sunshine does. */
export const FULL_HOST: HostKind = {
  name: 'offers every encryption',
  options: { encryption: { rtsp: true, supported: ALL } },
  controlVersion: 'v2',
  hasVideoEncryption: true,
  startsAtFrame0: false,
};

/** Offers no encryption but that of the control stream, in its first version. */
export const BARE_HOST: HostKind = {
  name: 'offers no encryption',
  options: { encryption: { rtsp: false, supported: 0 } },
  controlVersion: 'v1',
  hasVideoEncryption: false,
  startsAtFrame0: false,
};

/** Wolf in all its habits. */
export const WOLF_HOST: HostKind = {
  name: 'is as Wolf is',
  options: { habits: WOLF_HABITS },
  controlVersion: 'v1',
  hasVideoEncryption: false,
  startsAtFrame0: true,
};

export const HOST_KINDS = [FULL_HOST, BARE_HOST, WOLF_HOST] as const;
