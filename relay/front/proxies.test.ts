import pino from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { Proxies } from './proxies.ts';

const started: Proxies[] = [];
afterEach(() => {
  for (const proxies of started.splice(0)) proxies.stop();
});

async function start(names: string[], answers: Record<string, string[] | undefined>): Promise<Proxies> {
  const proxies = new Proxies({
    names,
    probePort: 1,
    log: pino({ level: 'silent' }),
    resolve: (name) => {
      const found = answers[name];
      return found === undefined ? Promise.reject(new Error('ENOTFOUND')) : Promise.resolve(found);
    },
  });
  started.push(proxies);
  await proxies.start();
  return proxies;
}

describe('Proxies', () => {
  it('finds every address behind every name, each once', async () => {
    const proxies = await start(['a', 'b', 'missing'], { a: ['192.0.2.1', '192.0.2.2'], b: ['192.0.2.2'] });
    expect(proxies.inTurn().sort()).toEqual(['192.0.2.1', '192.0.2.2']);
  });

  it('follows a name, and keeps what it knows while the name cannot be looked up', async () => {
    const answers: Record<string, string[] | undefined> = { a: ['192.0.2.1'] };
    const proxies = await start(['a'], answers);
    answers['a'] = ['192.0.2.3'];
    await expect.poll(() => proxies.inTurn(), { timeout: 5_000 }).toEqual(['192.0.2.3']);
    answers['a'] = undefined;
    await proxies.start();
    expect(proxies.inTurn()).toEqual(['192.0.2.3']);
  });

  it('puts those that are down last, and forgets them when they are gone', async () => {
    const answers = { a: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] };
    const proxies = await start(['a'], answers);
    proxies.failed('192.0.2.2');
    proxies.failed('203.0.113.1');
    for (let turn = 0; turn < 3; turn += 1) expect(proxies.inTurn().at(-1)).toBe('192.0.2.2');
    expect(proxies.count()).toEqual({ all: 3, up: 2 });
    proxies.answered('192.0.2.2');
    expect(proxies.count()).toEqual({ all: 3, up: 3 });
  });

  it('has nobody to name where there is none', async () => {
    expect((await start([], {})).inTurn()).toEqual([]);
  });
});
