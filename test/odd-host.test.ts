/** What a paired host may say, however odd: a clear state on the Hosts page, and nothing else is disturbed. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HostState } from '../core/host/catalog.ts';
import { createHostCertificate } from '../core/identity/certificate.ts';
import type { SimClient } from '../sim/client/client.ts';
import { openLab, type Lab } from './support/lab.ts';
import { startScriptedHost, xmlAnswer, type ScriptedHost } from './support/scripted-host.ts';

/** What the odd host answers on each path; tests change it. */
let answers: Record<string, (socket: Socket) => void>;
let odd: ScriptedHost;
let lab: Lab;
let client: SimClient;

const GOOD_LIST = xmlAnswer(entry('Odd game', 9));
const MILLION = xmlAnswer(Array.from({ length: 1_000_000 }, (_, index) => entry('Game', index + 1)).join(''));
/** Hosts are asked every 3 s, and may take 5 s to say nothing. */
const WAIT = { timeout: 40_000 };

function entry(title: string, id: number): string {
  return `<App><AppTitle>${title}</AppTitle><ID>${id}</ID></App>`;
}

function started(sessionUrl0: string): (socket: Socket) => void {
  return (socket) => {
    socket.end(xmlAnswer(`<sessionUrl0>${sessionUrl0}</sessionUrl0><gamesession>1</gamesession>`));
  };
}

beforeAll(async () => {
  const certificate = await createHostCertificate('odd');
  odd = await startScriptedHost(certificate, ({ path }, socket) => {
    answers[path]?.(socket);
  });
  answers = goodAnswers();
  const spec = { name: 'odd', address: '127.0.0.1', httpPort: odd.httpPort, capacity: 1 };
  lab = await openLab({ others: [{ spec, certificatePem: certificate.certificatePem }] });
  client = await lab.createPairedClient();
});

beforeEach(() => {
  answers = goodAnswers();
});

afterAll(async () => {
  await lab.close();
  await odd.stop();
});

/** As of a host that is up and idle. */
function goodAnswers(): typeof answers {
  const info =
    '<appversion>7.1.431.-1</appversion><state>X_SERVER_FREE</state><PairStatus>1</PairStatus>' +
    `<HttpsPort>${odd.httpsPort}</HttpsPort>`;
  return {
    '/serverinfo': (socket) => socket.end(xmlAnswer(info)),
    '/applist': (socket) => socket.end(GOOD_LIST),
    '/cancel': (socket) => socket.end(xmlAnswer('<cancel>1</cancel>')),
  };
}

async function appOf(title: string): Promise<number> {
  await expect.poll(titlesInClient, WAIT).toContain(title);
  return (await client.applist()).find((app) => app.title === title)?.id ?? 0;
}

const titlesInClient = async () => (await client.applist()).map(({ title }) => title);

async function hostOnPage(): Promise<HostState | undefined> {
  const response = await fetch(`http://127.0.0.1:${lab.ports.web}/api/hosts`);
  const { items } = (await response.json()) as { items: HostState[] };
  return items.find(({ name }) => name === 'odd');
}

const noticesOnPage = async () => (await hostOnPage())?.notices;

async function listen(
  address: string,
  port: number,
  onConnection: (socket: Socket) => void,
): Promise<Server> {
  const server = createServer(onConnection).listen(port, address);
  await once(server, 'listening');
  return server;
}

describe('a host that says odd things', () => {
  it.each([
    {
      name: 'apps that no client can take',
      list: (socket: Socket) => {
        socket.end(
          xmlAnswer(entry('', 1) + entry('&#32;', 2) + entry('Negative', -3) + entry('Odd game', 9)),
        );
      },
      titles: ['Odd game', 'Test card'],
      notices: ['2 apps left out: no title', '1 app left out: no usable id'],
    },
    {
      name: 'a million apps',
      list: (socket: Socket) => socket.end(MILLION),
      titles: ['Test card'],
      notices: ['No list of apps: The answer of the host is too large'],
    },
    {
      name: 'a list without end',
      list: (socket: Socket) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        const more = (): void => {
          if (socket.writable) socket.write('x'.repeat(16_384), more);
        };
        more();
      },
      titles: ['Test card'],
      notices: ['No list of apps: The answer of the host is too large'],
    },
    {
      name: 'a web page',
      list: (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>'),
      titles: ['Test card'],
      notices: ['No list of apps: The host answers something else than Moonlight XML'],
    },
    {
      name: 'a list that never comes',
      list: (socket: Socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<'),
      titles: ['Test card'],
      notices: ['No list of apps: The host gave no usable answer (timeout)'],
    },
  ])('shows so for $name, and the others play on', async ({ list, titles, notices }) => {
    await client.launch(await appOf('Test card'));
    const streamed = client.stream({ seconds: 2 });
    answers['/applist'] = list;
    await expect.poll(noticesOnPage, WAIT).toEqual(notices);
    await expect.poll(titlesInClient, WAIT).toEqual(titles);
    expect(await hostOnPage()).toMatchObject({ state: 'up' });
    expect((await streamed).frames).toBeGreaterThan(0);
    await client.cancel();

    answers['/applist'] = (socket) => socket.end(GOOD_LIST);
    await expect.poll(noticesOnPage, WAIT).toEqual([]);
  });

  it('is not followed to a machine that it names, and its game is ended', async () => {
    answers['/launch'] = started('rtsp://evil.example.org:48010');
    await expect(client.launch(await appOf('Odd game'))).rejects.toMatchObject({
      details: { status: 502, message: 'The host names another machine for its stream' },
    });
    await expect
      .poll(noticesOnPage, WAIT)
      .toEqual(['The newest launch failed: The host names another machine for its stream']);
    expect(await hostOnPage()).toMatchObject({ state: 'up' });
    await expect.poll(() => odd.requests.map(({ path }) => path)).toContain('/cancel');
  });

  it('is asked at its own address, whatever address it names', async () => {
    const asked: string[] = [];
    const answer = (name: string) => (socket: Socket) => {
      asked.push(name);
      socket.destroy();
    };
    const own = await listen('127.0.0.1', 0, answer('host'));
    const { port } = own.address() as AddressInfo;
    const other = await listen('127.0.0.2', port, answer('another machine'));
    answers['/launch'] = started(`rtsp://127.0.0.2:${port}`);
    await client.launch(await appOf('Odd game'));
    await expect(client.stream({ seconds: 1 })).rejects.toMatchObject({ code: 'HOST_REFUSED' });
    expect(asked).not.toEqual([]);
    expect(asked).not.toContain('another machine');
    await client.cancel();
    own.close();
    other.close();
  });
});
