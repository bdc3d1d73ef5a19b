import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../../test/support/captures.ts';
import { parseWolfEvent, type WolfEvent } from './events.ts';

interface Recording {
  /** A comment has no `event`. */
  events: { event?: string; data?: unknown }[];
}

const sse = readCapture<Record<'wholeSession' | 'apiDrivenSession' | 'pairing', Recording>>('sse');
const read = (name: 'wholeSession' | 'apiDrivenSession' | 'pairing'): WolfEvent[] =>
  sse[name].events.flatMap(
    ({ event = '', data = null }) => parseWolfEvent({ name: event, data: JSON.stringify(data) }) ?? [],
  );

describe('parseWolfEvent', () => {
  it('reads a whole recorded session, without its keys', () => {
    const sessionId = '1966610632439345192';
    const events = read('wholeSession');
    expect(events).toEqual([
      {
        type: 'StreamSession',
        sessionId,
        appId: '1788903683',
        label: '167.25.204.163',
        clientAddress: '10.77.0.170',
      },
      { type: 'ResumeStreamEvent', sessionId },
      { type: 'PauseStreamEvent', sessionId },
      { type: 'ResumeStreamEvent', sessionId },
      { type: 'StopStreamEvent', sessionId },
      { type: 'StopStreamEvent', sessionId },
      { type: 'PauseStreamEvent', sessionId },
    ]);
    expect(JSON.stringify(events)).not.toContain('1b636c39cf3451ba16e03af53da9cce0');
  });

  it('reads a recorded pairing request', () => {
    expect(read('pairing')).toEqual([
      { type: 'PairSignal', clientAddress: '10.77.0.170', hostAddress: '10.77.0.80' },
    ]);
  });

  it('reads sessions without an app, and null where nothing is', () => {
    const data = '{"client_id":"7","rtsp_fake_ip":"1.2.3.4","client_ip":"::ffff:10.0.0.1","app_id":null}';
    expect(parseWolfEvent({ name: 'wolf::core::events::StreamSession', data })).toEqual({
      type: 'StreamSession',
      sessionId: '7',
      appId: undefined,
      label: '1.2.3.4',
      clientAddress: '10.0.0.1',
    });
  });

  it.each([
    { name: 'another event', event: 'wolf::core::events::IDRRequestEvent', data: '{"session_id":"7"}' },
    { name: 'another namespace', event: 'StopStreamEvent', data: '{"session_id":"7"}' },
    { name: 'a number for an id', event: 'wolf::core::events::StopStreamEvent', data: '{"session_id":7}' },
    { name: 'garbled data', event: 'wolf::core::events::StopStreamEvent', data: '{"session_id":"7"event: w' },
  ])('says nothing of $name', ({ event, data }) => {
    expect(parseWolfEvent({ name: event, data })).toBeUndefined();
  });

  it('never throws, whatever the data', () => {
    const names = ['PairSignal', 'StreamSession', 'StopStreamEvent', '__proto__'].map(
      (name) => `wolf::core::events::${name}`,
    );
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.oneof(fc.json(), fc.string()), (name, data) => {
        parseWolfEvent({ name, data });
      }),
    );
  });
});
