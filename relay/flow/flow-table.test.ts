import { describe, expect, it } from 'vitest';
import { FlowTable } from './flow-table.ts';
import { ping, sessionRow } from '../testing/fixture.ts';
import { createTestFlow } from '../testing/flow.ts';

describe('FlowTable', () => {
  it('finds a flow by each of its tokens', () => {
    const table = new FlowTable(10);
    const [a, b] = [createTestFlow(1), createTestFlow(2)];
    table.add(a);
    table.add(b);
    expect(table.byLabel(2)).toBe(b);
    expect(table.byConnectData(a.tokens.connectData)).toBe(a);
    expect(table.byPing(ping(sessionRow(1), 1), 'video')).toBe(a);
    expect(table.byPing(ping(sessionRow(3), 1), 'video')).toBeUndefined();
    expect(table.newestOf('session-2')).toBe(b);
  });

  it('tells payloads apart that share a key', () => {
    const table = new FlowTable(10);
    const flow = createTestFlow(12);
    table.add(flow);
    const swapped = ping(sessionRow(12), 1);
    // Two words exchanged: the same key, other bytes.
    swapped.copyWithin(0, 4, 8);
    swapped.set(flow.pingPayloads.video.subarray(0, 4), 4);
    expect(table.byPing(swapped, 'video')).toBeUndefined();
  });

  it('keeps what a newer generation has taken over when the older one goes', () => {
    const table = new FlowTable(2);
    const [old, young] = [createTestFlow(1), createTestFlow(1, 2)];
    table.add(old);
    table.add(young);
    expect(table.isFull).toBe(true);
    expect(table.byPing(ping(sessionRow(1), 1), 'video')).toBe(young);
    table.delete(old);
    table.delete(old);
    expect(table.newestOf('session-1')).toBe(young);
    expect(table.byLabel(1)).toBe(young);
    expect(table.byPing(ping(sessionRow(1), 1), 'video')).toBe(young);
    table.delete(young);
    expect(table.byPing(ping(sessionRow(1), 1), 'video')).toBeUndefined();
    expect(table.byConnectData(young.tokens.connectData)).toBeUndefined();
    expect(table.size).toBe(0);
  });
});
