/** One HTTP request and answer of the simulated host, without sockets. */

/** Query parameters; of several with one name the last. */
export type HttpQuery = Readonly<Record<string, string | undefined>>;

export interface HttpRequest {
  path: string;
  query: HttpQuery;
  isSecure: boolean;
  /** SHA-256 of the TLS client certificate, if there was one. */
  fingerprint: string | undefined;
  clientAddress: string;
  /** The host's own address of this connection. */
  localAddress: string;
  /** The client gave up. */
  signal: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  type: 'application/xml' | 'image/png';
  body: string | Uint8Array;
  /** Sent after the answer on the same connection, as Wolf does on /resume. */
  secondResponse?: string;
}
