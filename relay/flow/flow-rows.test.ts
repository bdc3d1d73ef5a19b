import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { CoarseClock } from '../clock/clock.ts';
import { FakeClock } from '../testing/clock.ts';
import { createTestFlow } from '../testing/flow.ts';
import { FlowRows } from './flow-rows.ts';

const settled = () => new Promise(setImmediate);

/** Rows that a table takes, or refuses while it is away. */
function build() {
  const wall = new FakeClock();
  const clock = new CoarseClock(wall);
  const lines: string[] = [];
  const table = { isAway: false, asked: 0 };
  const rows = new FlowRows({
    relayName: 'local',
    clock,
    log: pino({ level: 'warn' }, { write: (line: string) => lines.push(line) }),
    flows: {
      put: () => {
        table.asked += 1;
        return table.isAway ? Promise.reject(new Error('away')) : Promise.resolve('stored' as const);
      },
      remove: () => Promise.resolve(),
    },
  });
  const flow = createTestFlow(1);
  flow.status = 'live';
  /** A tick in which the stream has something new to tell. */
  const tick = async (): Promise<void> => {
    wall.advance(250);
    clock.advance();
    rows.save(flow);
    await settled();
  };
  return { table, lines, tick };
}

describe('FlowRows', () => {
  it('tries rows that were refused once a second, says so once, and writes again when it can', async () => {
    const { table, lines, tick } = build();
    for (let ticks = 0; ticks < 8; ticks += 1) await tick();
    expect(table.asked).toBe(8);
    table.isAway = true;
    for (let ticks = 0; ticks < 40; ticks += 1) await tick();
    expect(table.asked).toBe(8 + 10);
    expect(lines).toHaveLength(1);
    table.isAway = false;
    for (let ticks = 0; ticks < 8; ticks += 1) await tick();
    expect(table.asked).toBeGreaterThanOrEqual(18 + 5);
  });
});
