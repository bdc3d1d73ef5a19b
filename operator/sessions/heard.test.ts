import { describe, expect, it } from 'vitest';
import type { FlowRecord } from '../../core/session/record.ts';
import { Heard } from './heard.ts';

const none = { video: 0, audio: 0, control: 0 };

function rowOf(status: FlowRecord['status'], lastSeenAt = 0): FlowRecord {
  return {
    ...{ id: 's:edge', generation: 1, status, lastSeenAt },
    ...{ client: {}, pingCounters: none, datagrams: none, bytes: none },
  };
}

/** What is made of looks at a row, each so many seconds after the start, of a client last heard then by its relay. */
function judge(
  looks: readonly [atS: number, lastSeenAt: number, status?: FlowRecord['status']][],
): unknown[] {
  const heard = new Heard();
  return looks.map(
    ([atS, lastSeenAt, status = 'live']) => heard.judge('s', rowOf(status, lastSeenAt), atS * 1_000)?.status,
  );
}

describe('a stream that its row calls live', () => {
  it('is silent when three looks in thirty seconds saw no word of its client, and live with the next', () => {
    const looks = judge([
      [0, 7],
      [10, 7],
      [20, 7],
      [30, 7],
      [40, 7],
      [50, 8],
    ]);
    expect(looks).toEqual(['live', 'live', 'live', 'silent', 'silent', 'live']);
  });

  it('is live while its client is heard, whatever the clock of its relay says', () => {
    const looks = judge([
      [0, 9e9],
      [29, 9e9 + 1],
      [58, 9e9 + 2],
    ]);
    expect(looks).toEqual(['live', 'live', 'live']);
  });

  it('is live after an hour in which nobody could look', () => {
    expect(
      judge([
        [0, 7],
        [10, 7],
        [3_610, 7],
        [3_611, 8],
      ]),
    ).toEqual(['live', 'live', 'live', 'live']);
  });

  it('is what its relay says of it otherwise', () => {
    const looks = judge([
      [0, 7],
      [10, 7],
      [20, 7],
      [25, 7, 'disconnected'],
      [30, 7],
      [35, 7],
    ]);
    expect(looks).toEqual(['live', 'live', 'live', 'disconnected', 'live', 'live']);
    expect(new Heard().judge('s', undefined, 0)).toBeUndefined();
  });
});
