import { afterEach, describe, expect, it } from 'vitest';
import { PartProcess, type PartSpec } from './part-process.ts';

const lines: string[] = [];
const started: PartProcess[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((part) => part.stop('SIGKILL')));
  lines.length = 0;
});

/** A part that runs a piece of JavaScript, ready once it said so. */
function run(script: string, spec: Partial<PartSpec> = {}): PartProcess {
  const part = new PartProcess({
    name: 'part',
    command: [process.execPath, '-e', script],
    isReady: () => Promise.resolve(lines.includes('up')),
    onLine: (_, line) => lines.push(line),
    ...spec,
  });
  started.push(part);
  part.start();
  return part;
}

const STAYS = 'console.log("up"); setInterval(() => undefined, 1_000);';

describe('PartProcess', () => {
  it('is started again when it ends by itself, until it is stopped', async () => {
    const part = run('console.log("up"); process.exitCode = 3;');
    await expect.poll(() => lines.filter((line) => line === 'up').length).toBeGreaterThan(1);
    await part.stop();
    expect(lines).toContain('has ended (exit code 3) and is started again');
    expect(part.pid).toBeUndefined();
  });

  it('is started again when it is killed', async () => {
    const part = run(STAYS);
    await part.ready();
    const { pid } = part;
    await part.kill();
    expect(part.pid).toBeUndefined();
    await expect.poll(() => part.pid).toBeDefined();
    expect(part.pid).not.toBe(pid);
  });

  it('ends in order, also when it stands still', async () => {
    const part = run(`process.on('SIGTERM', () => { console.log('bye'); process.exit(); }); ${STAYS}`);
    await part.ready();
    part.pause();
    await part.stop();
    expect(lines).toContain('bye');
  });

  it('inherits little of our environment', async () => {
    const part = run('console.log("up"); console.log(Object.keys(process.env).join());', {
      env: { OWN: '1' },
    });
    await part.ready();
    const names = (lines.find((line) => line.includes('OWN')) ?? '').split(',');
    expect(names).toEqual(expect.arrayContaining(['OWN', 'PATH']));
    expect(names).not.toContain('VITEST');
  });

  it('says that there is no such program', async () => {
    run('', { command: ['/nowhere/at/all'] });
    await expect.poll(() => lines.join()).toContain('cannot be started: spawn /nowhere/at/all ENOENT');
  });
});
