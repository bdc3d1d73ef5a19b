/** What a pairing exchange looks like from outside, and its limits. */

/** Exchanges of one source address at once. */
export const PENDING_PER_ADDRESS_MAX = 4;
/** Exchanges at once. */
export const PENDING_MAX = 32;

/** How long each stage of an exchange may last, ms. */
export interface PairingTiming {
  /** From step 1 to the PIN. */
  pinWaitMs: number;
  /** From the PIN to step 4. */
  stepsMs: number;
  /**
   * From the answer to step 1 to step 4 while another exchange of the same address waits for its turn; also from
   * step 3 to step 4: a client that sees there that the PIN was wrong says nothing more.
   */
  turnMs: number;
}
export const PAIRING_TIMING: PairingTiming = { pinWaitMs: 180_000, stepsMs: 60_000, turnMs: 5_000 };

/** A client as it asks in step 1; the certificate is one that `certificateSignature` reads. */
export interface PairingRequest {
  /** Canonical source address. */
  address: string;
  /** 16 bytes. */
  salt: Uint8Array;
  certificatePem: string;
  /** SHA-256 of the certificate, lower-case hex. */
  fingerprint: string;
}

/** What the person who enters the PIN says besides. */
export interface EnteredNames {
  /** A name of the client, for people. */
  clientName?: string | undefined;
  /** Whose client it is: `PERSON_PATTERN`, or the name of a User. By default it belongs to a person of its own. */
  userName?: string | undefined;
}

/** How a person is named: a slug, as it names objects. */
export const PERSON_PATTERN = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;

/** An exchange as a person sees it. */
export interface PendingExchange {
  id: string;
  address: string;
  fingerprint: string;
  /** When step 1 came, ms since the epoch. */
  since: number;
  /** False once the PIN was entered. */
  awaitsPin: boolean;
}
