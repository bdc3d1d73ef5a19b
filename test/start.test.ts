/** The mistakes that a new user makes, each with the real program: one sentence, exit code 1, no stack. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getuid } from 'node:process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSimHost } from '../sim/host/host.ts';
import { holdStill } from '../tools/hold-still.ts';
import { Program, root, runFile } from './support/program.ts';

const MAIN = 'appliance/main.ts';
const STACK = /\n\s+at /;
const NOBODY = 65_534;

let directory: string;
const running = new Set<Program>();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-start-'));
});

afterEach(async () => {
  for (const program of running) await program.end('SIGKILL');
  running.clear();
  await rm(directory, { recursive: true });
});

function start(env: NodeJS.ProcessEnv = {}, options: { uid?: number; args?: string[] } = {}): Program {
  const { args = [], ...others } = options;
  const settings = { APPLIANCE_DATA_DIR: join(directory, 'data'), APPLIANCE_HOSTS_FILE: '', ...env };
  const program = new Program([process.execPath, join(root, MAIN), ...args], { ...others, env: settings });
  running.add(program);
  return program;
}

async function hostsFile(text: string): Promise<string> {
  const path = join(directory, 'hosts.yaml');
  await writeFile(path, text);
  return path;
}

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

describe('npm start, done wrong', () => {
  it.each([
    {
      name: 'a port that is a word',
      env: { APPLIANCE_HTTP_PORT: 'abc' },
      says: /APPLIANCE_HTTP_PORT is "abc", but must/,
    },
    {
      name: 'a misspelt setting',
      env: { APPLIANCE_HTP_PORT: '1' },
      says: /did you mean APPLIANCE_HTTP_PORT\?/,
    },
    {
      name: 'one port for two',
      env: { APPLIANCE_HTTP_PORT: '40000', APPLIANCE_WEB_PORT: '40000' },
      says: /APPLIANCE_HTTP_PORT and APPLIANCE_WEB_PORT are the same port/,
    },
    {
      name: 'an address of another machine',
      env: { APPLIANCE_BIND_ADDRESS: '192.0.2.1' },
      says: /APPLIANCE_BIND_ADDRESS/,
    },
    {
      name: 'a hosts file that is not there',
      env: { APPLIANCE_HOSTS_FILE: 'no.yaml' },
      says: /names no\.yaml/,
    },
    {
      name: 'a hosts file that is a folder',
      env: { APPLIANCE_HOSTS_FILE: 'core' },
      says: /core cannot be used: it is a folder/,
    },
    {
      name: 'a data folder below a file',
      env: { APPLIANCE_DATA_DIR: 'LICENSE/x' },
      says: /a file where a folder is needed/,
    },
    {
      name: 'a data folder nowhere',
      env: { APPLIANCE_DATA_DIR: '/proc/x' },
      says: /\/proc\/x cannot be used/,
    },
    { name: 'a console for everybody', env: { APPLIANCE_WEB_ADDRESS: '0.0.0.0' }, says: /password file/ },
  ])('is told of $name', async ({ env, says }) => {
    const program = start(env);
    expect(await program.end()).toBe(1);
    expect(program.text).toMatch(says);
    expect(program.text).not.toMatch(STACK);
  });

  it.skipIf(getuid?.() !== 0)(
    'is told of a key that its user may not read (skipped: needs root)',
    async () => {
      const data = join(directory, 'data');
      await mkdir(data);
      await writeFile(join(data, 'deployment.key'), 'secret', { mode: 0o600 });
      await chmod(directory, 0o755);
      await chmod(data, 0o777);
      const program = start({}, { uid: NOBODY });
      expect(await program.end()).toBe(1);
      expect(program.text).toMatch(
        /deployment\.key cannot be used: this user may not use it.*\(EACCES\).*APPLIANCE_DATA_DIR/,
      );
      expect(program.text).not.toMatch(STACK);
    },
  );

  it('is told who has a port, TCP and UDP', async () => {
    const server = createServer();
    const socket = createSocket('udp4');
    await once(socket.bind(0, '127.0.0.1'), 'listening');
    const ports = { APPLIANCE_RTSP_PORT: await listen(server), APPLIANCE_AUDIO_PORT: socket.address().port };
    for (const [name, port] of Object.entries(ports)) {
      const program = start({ [name]: String(port) });
      expect(await program.end()).toBe(1);
      expect(program.text).toMatch(new RegExp(`port ${port} .*\\(process ${process.pid}\\) has it.*${name}`));
    }
    server.close();
    socket.close();
  });

  it('is told who has the data folder, and writes nothing; a killed one leaves it free', async () => {
    const data = join(directory, 'data');
    const look = async (): Promise<unknown> => {
      const names = await readdir(data, { recursive: true });
      return Promise.all(names.sort().map(async (name) => [name, (await stat(join(data, name))).mtimeMs]));
    };
    const first = start();
    await first.says(/Stop with Ctrl-C/);
    // Held still, so that whatever is written now the second wrote.
    await holdStill(first.child);
    const before = await look();
    const second = start();
    expect(await second.end()).toBe(1);
    expect(second.text).toMatch(
      new RegExp(`process ${first.child.pid}, uses the data folder .*APPLIANCE_DATA_DIR`),
    );
    expect(await look()).toEqual(before);
    await first.end('SIGKILL');
    const third = start();
    await third.says(/Stop with Ctrl-C/);
    expect(await third.end('SIGTERM')).toBe(0);
  });

  it('is told which hosts are out of reach, while everything listens already', async () => {
    const mute = createServer();
    const refusing = createServer();
    const [mutePort, closedPort] = [await listen(mute), await listen(refusing)];
    await once(refusing.close(), 'close');
    const path = await hostsFile(
      `hosts:\n  - {name: attic, address: 127.0.0.1, httpPort: ${closedPort}}\n` +
        `  - {name: cellar, address: 127.0.0.1, httpPort: ${mutePort}}\n`,
    );
    const program = start({ APPLIANCE_HOSTS_FILE: path });
    expect(await program.says(/console is at/)).not.toContain('Gleipnir is up');
    const text = await program.says(/Stop with Ctrl-C/);
    expect(text).toContain('0 of 2 hosts answer: attic (refused), cellar (no answer for 3 s).');
    const url = /console is at (http:\S+?)"/.exec(text)?.[1] ?? '';
    const problems = async (): Promise<unknown> => {
      const { items } = (await (await fetch(`${url}/api/hosts`)).json()) as { items: { problem: unknown }[] };
      return items.map(({ problem }) => problem);
    };
    await expect
      .poll(problems, { timeout: 15_000 })
      .toEqual(['refused: nothing listens at its port', 'no answer']);
    mute.close();
  });
});

describe('npm start -- --check', () => {
  it('asks each host once, and writes nothing', async () => {
    const host = createSimHost();
    const { http } = await host.start();
    const there = `  - {name: attic, address: 127.0.0.1, httpPort: ${http}}\n`;
    const good = start({ APPLIANCE_HOSTS_FILE: await hostsFile(`hosts:\n${there}`) }, { args: ['--check'] });
    expect(await good.end()).toBe(0);
    expect(good.text).toMatch(/The settings are right\.[^]*attic: "[^"]+" answers at 127\.0\.0\.1/);
    await host.stop();
    const bad = start({ APPLIANCE_HOSTS_FILE: join(directory, 'hosts.yaml') }, { args: ['--check'] });
    expect(await bad.end()).toBe(1);
    expect(bad.text).toContain(`attic: refused: nothing listens at its port (127.0.0.1, port ${http}).`);
    expect(await readdir(directory)).toEqual(['hosts.yaml']);
  });
});

describe('every program', () => {
  it.each([
    MAIN,
    'sim/host/main.ts',
    'sim/client/main.ts',
    'relay/main.ts',
    'proxy/main.ts',
    'operator/main.ts',
    'bench/main.ts',
    'test/fuzz/main.ts',
    'tools/password.ts',
    'tools/check.ts',
    'tools/generate.ts',
    'tools/build-bpf.ts',
    'tools/make-clips.ts',
    'tools/identity.ts',
    'tools/picture.ts',
    'tools/kube-lab/main.ts',
  ])('has --help and --version, and a sentence for other options: %s', async (file) => {
    const run = (option: string): Program => new Program([process.execPath, join(root, file), option]);
    const programs = ['--help', '--version', '--nonsense'].map(run);
    const [help, version, nonsense] = await Promise.all(programs.map((program) => program.end()));
    expect([help, version]).toEqual([0, 0]);
    expect(nonsense).not.toBe(0);
    expect(programs[1]?.text).toMatch(/^gleipnir \d+\.\d+\.\d+\n$/);
    expect(programs[2]?.text).toContain("Unknown option '--nonsense'");
    for (const { text } of programs) expect(text).not.toMatch(STACK);
  });

  it('says who has the port: a host beside a host', async () => {
    const server = createServer();
    const port = await listen(server);
    const program = runFile('sim/host/main.ts', { SIM_HOST_HTTP_PORT: String(port) });
    running.add(program);
    expect(await program.end()).toBe(1);
    expect(program.text).toMatch(new RegExp(`^TCP port ${port} .*${process.pid}.*SIM_HOST_HTTP_PORT`));
    server.close();
  });
});
