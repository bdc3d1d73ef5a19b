/**
 * Errors that cross a module boundary.
 *
 * A `GleipnirError` says what went wrong with a stable code; the edge (HTTP handler, reconcile loop, process
 * exit) decides what to do with it by that code alone. Bytes from the network are not exceptional: parsers
 * return `undefined` for them, the data path counts a `DropReason`, and neither throws.
 */

interface ErrorTraits {
  /** Moonlight `status_code` (or HTTP status on non-Moonlight listeners) that the edge answers with. */
  status: number;
  /** Whether the same attempt may succeed later, so that a reconcile loop should retry it. */
  retry: boolean;
}

/** Every code in the system. A code is never renamed and never reused. */
export const ERROR_TRAITS = {
  CONFIG_INVALID: { status: 500, retry: false },
  HOSTS_FILE_INVALID: { status: 500, retry: false },
  PORT_UNAVAILABLE: { status: 500, retry: false },
  FILE_UNUSABLE: { status: 500, retry: false },
  DATA_FOLDER_IN_USE: { status: 500, retry: false },
  KERNEL_PATH_UNAVAILABLE: { status: 500, retry: false },
  IDENTITY_CORRUPT: { status: 500, retry: false },
  SEAL_BROKEN: { status: 500, retry: false },
  OBJECT_EXISTS: { status: 409, retry: false },
  OBJECT_NOT_FOUND: { status: 404, retry: false },
  OBJECTS_UNAVAILABLE: { status: 503, retry: true },
  OBJECT_CORRUPT: { status: 500, retry: false },
  SESSION_TABLE_CORRUPT: { status: 500, retry: false },
  TABLE_UNAVAILABLE: { status: 503, retry: true },
  REQUEST_INVALID: { status: 400, retry: false },
  NOT_PAIRED: { status: 401, retry: false },
  APP_NOT_FOUND: { status: 404, retry: false },
  APP_RUNNING: { status: 409, retry: false },
  SESSION_NOT_FOUND: { status: 404, retry: false },
  GAMES_LIMITED: { status: 409, retry: false },
  NO_HOST_FREE: { status: 503, retry: true },
  NOT_LEADING: { status: 503, retry: false },
  LAUNCH_TIMEOUT: { status: 504, retry: true },
  HOST_UNREACHABLE: { status: 502, retry: true },
  HOST_ANSWER_INVALID: { status: 502, retry: false },
  HOST_REFUSED: { status: 502, retry: false },
  HOST_NOT_PAIRED: { status: 502, retry: false },
  HOST_CERTIFICATE_CHANGED: { status: 502, retry: false },
  HOST_BUSY: { status: 503, retry: true },
  PIN_WRONG: { status: 400, retry: false },
} as const satisfies Record<string, ErrorTraits>;

/** A stable, greppable name for one kind of failure. */
export type ErrorCode = keyof typeof ERROR_TRAITS;

/** Values worth logging beside the message; never a key, a PIN or a certificate's private part. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;

/** A failure with a code from `ERROR_TRAITS`. The message is constant and fit for a person; what varies goes in `details`. */
export class GleipnirError extends Error {
  override readonly name = 'GleipnirError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  get traits(): ErrorTraits {
    return ERROR_TRAITS[this.code];
  }
}
