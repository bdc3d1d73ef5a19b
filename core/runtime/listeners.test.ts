import { describe, expect, it, vi } from 'vitest';
import { Listeners } from './listeners.ts';

describe('Listeners', () => {
  it('tells all in the order in which they asked, each time one asked', () => {
    const told: string[] = [];
    const listeners = new Listeners<number>();
    const first = (value: number): number => told.push(`first ${value}`);
    listeners.add(first);
    listeners.add((value) => told.push(`second ${value}`));
    const stop = listeners.add(first);
    listeners.tell(1);
    stop();
    stop();
    listeners.tell(2);
    expect(told).toEqual(['first 1', 'second 1', 'first 1', 'first 2', 'second 2']);
  });

  it('tells one that another takes off meanwhile nothing more, and one that comes meanwhile nothing yet', () => {
    const told: string[] = [];
    const listeners = new Listeners<number>();
    listeners.add(() => {
      stop();
      listeners.add((value) => told.push(`late ${value}`));
    });
    const stop = listeners.add((value) => told.push(`off ${value}`));
    listeners.tell(1);
    expect(told).toEqual([]);
    listeners.tell(2);
    expect(told).toEqual(['late 2']);
  });

  it('hands on what one throws, and tells the others', () => {
    const errors: unknown[] = [];
    const told: number[] = [];
    const listeners = new Listeners<number>((error) => errors.push(error));
    const fault = new Error('of a listener');
    listeners.add(() => {
      throw fault;
    });
    listeners.add((value) => told.push(value));
    listeners.tell(1);
    expect(errors).toEqual([fault]);
    expect(told).toEqual([1]);
  });

  it('warns of what one throws where nobody wants to know', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const listeners = new Listeners<number>();
    listeners.add(() => {
      throw new TypeError('of a listener');
    });
    listeners.tell(1);
    expect(warn.mock.calls).toEqual([[new TypeError('of a listener'), 'ListenerWarning']]);
    warn.mockRestore();
  });
});
