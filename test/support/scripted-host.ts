/** For the tests of this folder: a host of raw sockets that plays recorded answers, byte for byte and as badly. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import { readCapture } from './captures.ts';
import { fingerprintOf, type Certificate } from '../../core/identity/certificate.ts';

/** What a connection asked. */
export interface ScriptedRequest {
  secure: boolean;
  path: string;
  query: URLSearchParams;
  /** The whole head as it came. */
  text: string;
  /** Whether the client tried an old TLS session. */
  isSessionReused: boolean;
  /** Fingerprint of the client's certificate. */
  client: string | undefined;
}

/** Answers on the bare connection, or not at all. */
export type Script = (request: ScriptedRequest, socket: Socket) => void;

export interface ScriptedHost {
  httpPort: number;
  /** What /serverinfo says. */
  httpsPort: number;
  /** Every request, in order. */
  requests: ScriptedRequest[];
  stop: () => Promise<void>;
}

/** One HTTP exchange as recorded. */
export interface RecordedExchange {
  id: string;
  transport: 'http' | 'https';
  query: Record<string, string>;
  requestText: string;
  response: {
    statusLine: string;
    headers: string[];
    body: string;
    bytesAfterContentLength?: string;
  } | null;
}

interface HttpCapture {
  groups: { exchanges: RecordedExchange[] }[];
}

const exchanges = readCapture<HttpCapture>('http').groups.flatMap((group) => group.exchanges);

/** The exchange of that id in `http.json`. */
export function recorded(id: string): RecordedExchange {
  const found = exchanges.find((exchange) => exchange.id === id);
  if (found === undefined) throw new RangeError(`no recording ${id}`);
  return found;
}

/** The recorded answer; Content-Length is right for its body, where the recording cut the list of display modes. */
export function answerOf({ response }: RecordedExchange, edit: (body: string) => string = (x) => x): string {
  if (response === null) throw new RangeError('nothing was answered');
  const body = edit(response.body);
  const after = response.bytesAfterContentLength ?? '';
  return `${response.statusLine}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}${after}`;
}

/** An answer with a body of one's own. */
export function xmlAnswer(fields: string, status = 200, message?: string): string {
  const text = message === undefined ? '' : ` status_message="${message}"`;
  const body = `<?xml version="1.0" encoding="utf-8"?>\n<root status_code="${status}"${text}>${fields}</root>`;
  return `HTTP/1.1 ${status} Whatever\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** Starts both listeners on free ports. Plain /serverinfo names the HTTPS port; all else is the script's. */
export async function startScriptedHost(identity: Certificate, script: Script): Promise<ScriptedHost> {
  const requests: ScriptedRequest[] = [];
  const sockets = new Set<Socket>();
  const host: ScriptedHost = { httpPort: 0, httpsPort: 0, requests, stop };

  const accept = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (!text.endsWith('\r\n\r\n')) return;
      const request = parseRequest(text, socket);
      requests.push(request);
      if (request.path === '/serverinfo' && !request.secure) {
        socket.end(plainServerinfo(host.httpsPort));
      } else {
        script(request, socket);
      }
    });
  };
  const { certificatePem: cert, privateKeyPem: key } = identity;
  const servers = [
    createServer(accept),
    createTlsServer({ cert, key, requestCert: true, rejectUnauthorized: false }, accept),
  ] as const;
  host.httpPort = await listen(servers[0]);
  host.httpsPort = await listen(servers[1]);
  return host;

  async function stop(): Promise<void> {
    for (const socket of sockets) socket.destroy();
    await Promise.all(servers.map((server) => once(server.close(), 'close')));
  }
}

function plainServerinfo(httpsPort: number): string {
  return answerOf(recorded('serverinfo-http-unpaired'), (body) =>
    body.replace('<HttpsPort>47984', `<HttpsPort>${httpsPort}`),
  );
}

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

function parseRequest(text: string, socket: Socket): ScriptedRequest {
  const url = new URL(text.split(' ', 2)[1] ?? '/', 'http://host');
  const tls = socket instanceof TLSSocket ? socket : undefined;
  const der = tls?.getPeerX509Certificate()?.raw;
  return {
    secure: tls !== undefined,
    path: url.pathname,
    query: url.searchParams,
    text,
    isSessionReused: tls?.isSessionReused() ?? false,
    client: der && fingerprintOf(der),
  };
}
