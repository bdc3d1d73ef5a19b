/** What the operator is told of a static host. */
export interface HostSpec {
  /** Unique; names files and log fields. Lower-case letters, digits and dashes. */
  name: string;
  /** IP address or name. */
  address: string;
  /** Port of the host's plain HTTP; every other port is learnt from the host. */
  httpPort: number;
  /** Sessions it may play at once. */
  capacity: number;
  /**
   * Types a PIN at the host on our behalf. Where it is given, every (pairing, app) gets an identity of its own;
   * where it is not, a person types the PIN and the host knows one identity.
   */
  enterPin?: (pin: string) => boolean;
}
