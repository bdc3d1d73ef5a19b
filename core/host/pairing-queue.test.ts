import { describe, expect, it } from 'vitest';
import { PairingQueue } from './pairing-queue.ts';

const { signal } = new AbortController();

/** A task that ends when told to. */
function held(log: string[], name: string): { task: () => Promise<string>; end: () => void } {
  const { promise, resolve } = Promise.withResolvers<string>();
  const task = (): Promise<string> => {
    log.push(name);
    return promise;
  };
  return {
    task,
    end: () => {
      resolve(name);
    },
  };
}

describe('PairingQueue', () => {
  it('runs one task per host at a time, in order, and hosts side by side', async () => {
    const queue = new PairingQueue();
    const log: string[] = [];
    const [a, b, other] = [held(log, 'a'), held(log, 'b'), held(log, 'other')];
    const runs = [
      queue.run('wolf', signal, a.task),
      queue.run('wolf', signal, b.task),
      queue.run('fox', signal, other.task),
    ];
    await expect.poll(() => log).toEqual(['a', 'other']);
    a.end();
    await expect.poll(() => log).toEqual(['a', 'other', 'b']);
    b.end();
    other.end();
    expect(await Promise.all(runs)).toEqual(['a', 'b', 'other']);
  });

  it('goes on after a task that failed', async () => {
    const queue = new PairingQueue();
    const failing = queue.run('wolf', signal, () => Promise.reject(new Error('no')));
    const next = queue.run('wolf', signal, () => Promise.resolve('yes'));
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('yes');
  });

  it('lets a waiting task give up at once, without losing its place for those behind', async () => {
    const queue = new PairingQueue();
    const log: string[] = [];
    const first = held(log, 'first');
    const controller = new AbortController();
    const running = queue.run('wolf', signal, first.task);
    const waiting = queue.run('wolf', controller.signal, held(log, 'never').task);
    const behind = queue.run('wolf', signal, () => Promise.resolve(log.length));
    controller.abort();
    await expect(waiting).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
      details: { reason: 'aborted' },
    });
    await expect(queue.run('wolf', controller.signal, first.task)).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
    });
    expect(log).toEqual(['first']);
    first.end();
    expect(await running).toBe('first');
    expect(await behind).toBe(1);
  });
});
