import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pingPayloadOf } from '../../core/protocol/rtp/ping.ts';
import {
  parseRtspRequest,
  type RtspHeader,
  type RtspRequest,
  type RtspResponse,
} from '../../core/protocol/rtsp/message.ts';
import { sessionRow } from '../../core/session/contract.ts';
import type { StreamRecord } from '../../core/session/record.ts';
import { readCapture } from '../../test/support/captures.ts';
import { planReply, planRequest, type HostedSession, type RequestPlan } from './handshake.ts';

const PORTS = { control: 1001, video: 1002, audio: 1003 };
const session: HostedSession = {
  ...sessionRow({ state: 'ready', generation: 3 }),
  host: { name: 'h', rtsp: { address: '192.0.2.10', port: 48_010, label: 'hostlabel', encrypted: false } },
};
const { tokens } = session;
const row = (changes: Partial<StreamRecord> = {}): StreamRecord => ({
  id: 's1',
  generation: 3,
  isPlaying: false,
  ...changes,
});
const request = (method: string, target = '/', headers: RtspHeader[] = []): RtspRequest => ({
  method,
  target,
  headers: [['CSeq', '1'], ['Host', '0.0.0.0'], ...headers],
  body: new Uint8Array(),
});
const reply = (headers: RtspHeader[] = [], status = 200): RtspResponse => ({
  status,
  reason: 'OK',
  headers: [['CSeq', '1'], ...headers],
  body: new Uint8Array(),
});
const { messages } = readCapture<{ messages: { requestBase64: string }[] }>('rtsp-plain-10mbit');
const recordedAnnounce = parseRtspRequest(Buffer.from(messages[5]?.requestBase64 ?? '', 'base64'));

function forwarded(plan: RequestPlan): Extract<RequestPlan, { kind: 'forward' }> {
  if (plan.kind === 'refuse') throw new Error(`refused with ${plan.status}`);
  return plan;
}
/** What a SETUP of `stream` makes of the host's headers. */
function setup(stream: string, headers: RtspHeader[]) {
  const plan = forwarded(planRequest(request('SETUP', `streamid=${stream}/0/0`), session, undefined));
  return planReply(reply(headers), session, plan, PORTS);
}

describe('planRequest', () => {
  it('puts the host label into a URL and into Host, whatever the client called us', () => {
    const { request: upstream } = forwarded(
      planRequest(request('DESCRIBE', 'rtspenc://our-label:1234/x'), session, undefined),
    );
    expect(upstream.target).toBe('rtsp://hostlabel:48010');
    expect(upstream.headers).toEqual([
      ['CSeq', '1'],
      ['Host', 'hostlabel'],
    ]);
  });

  it('writes an IPv6 label as a URL does', () => {
    const rtsp = { ...session.host.rtsp, label: 'fd00::5' };
    const plan = planRequest(
      request('OPTIONS', 'rtsp://x:1'),
      { ...session, host: { name: 'h', rtsp } },
      undefined,
    );
    expect(forwarded(plan).request.target).toBe('rtsp://[fd00::5]:48010');
  });

  it('adds Host where the client sent none, because a host would then go by address', () => {
    const bare: RtspRequest = { ...request('PLAY'), headers: [['CSeq', '7']] };
    const plan = forwarded(planRequest(bare, session, row({ encryptionEnabled: 0 })));
    expect(plan.request.headers).toContainEqual(['Host', 'hostlabel']);
  });

  it('replaces our Session by the host’s, and leaves it out where the host gave none', () => {
    const describe = request('DESCRIBE', '/', [['Session', tokens.rtspSession]]);
    const known = forwarded(planRequest(describe, session, row({ hostSession: 'HOSTS' })));
    expect(known.request.headers).toContainEqual(['Session', 'HOSTS']);
    const unknown = forwarded(planRequest(describe, session, row()));
    expect(unknown.request.headers.map(([name]) => name)).toEqual(['CSeq', 'Host']);
  });

  it.each([
    { name: 'OPTIONS', again: request('OPTIONS', 'rtsp://x:1'), isFresh: true },
    { name: 'the first SETUP', again: request('SETUP', 'streamid=audio/0/0'), isFresh: true },
    {
      name: 'a later SETUP',
      again: request('SETUP', 'streamid=video/0/0', [['Session', 'x']]),
      isFresh: false,
    },
    { name: 'DESCRIBE', again: request('DESCRIBE'), isFresh: false },
  ])('starts the row anew at the beginning only: $name', ({ again, isFresh }) => {
    const standing = row({ hostSession: 'HOSTS', encryptionEnabled: 1, isPlaying: true });
    expect(forwarded(planRequest(again, session, standing)).stream).toEqual(isFresh ? row() : standing);
  });

  it('never builds on the row of an older generation', () => {
    const old = row({ generation: 2, hostSession: 'OLD', encryptionEnabled: 1 });
    const again = request('SETUP', 'streamid=video/0/0', [['Session', 'x']]);
    expect(forwarded(planRequest(again, session, old)).stream).toEqual(row());
    expect(planRequest(request('PLAY'), session, old)).toMatchObject({ kind: 'refuse', status: 455 });
  });

  it('takes the SETUPs in any order', () => {
    for (const stream of ['control', 'video', 'audio']) {
      const plan = planRequest(request('SETUP', `streamid=${stream}/13/0`), session, undefined);
      expect(plan).toMatchObject({ kind: 'forward', step: { method: 'SETUP', stream } });
    }
  });

  it.each([
    { name: 'an unknown method', unexpected: request('TEARDOWN'), status: 501 },
    { name: 'an unknown stream', unexpected: request('SETUP', 'streamid=mic/0/0'), status: 404 },
    { name: 'ANNOUNCE without SDP', unexpected: request('ANNOUNCE', 'streamid=control/13/0'), status: 400 },
    { name: 'PLAY before ANNOUNCE', unexpected: request('PLAY'), status: 455 },
  ])('refuses $name', ({ unexpected, status }) => {
    expect(planRequest(unexpected, session, row())).toMatchObject({ kind: 'refuse', status });
  });

  it('never throws, and never shows the host our session value, whatever the request', () => {
    const line = fc.string({ maxLength: 40 });
    const method = fc.oneof(line, fc.constantFrom('OPTIONS', 'DESCRIBE', 'SETUP', 'ANNOUNCE', 'PLAY'));
    const name = fc.oneof(line, fc.constantFrom('Session', 'session', 'HOST', 'Host', 'Transport'));
    const value = fc.oneof(line, fc.constant(tokens.rtspSession));
    const headers = fc.array(fc.tuple(name, value));
    const target = fc.oneof(line, fc.constantFrom('streamid=audio', 'rtsp://x:1', '/'));
    const body = fc.uint8Array({ maxLength: 100 });
    fc.assert(
      fc.property(fc.record({ method, target, headers, body }), (any) => {
        const plan = planRequest(any, session, row({ hostSession: 'HOSTS' }));
        if (plan.kind === 'refuse') return;
        const sent = plan.request.headers.filter(([key]) => key.toLowerCase() === 'session');
        for (const [, text] of sent) expect(text).toBe('HOSTS');
      }),
    );
  });
});

describe('planReply', () => {
  it('replaces addresses and secrets wherever they stand', () => {
    const plan = forwarded(planRequest(request('DESCRIBE'), session, undefined));
    const given: RtspHeader[] = [
      ['Session', 'HOSTS;timeout = 90'],
      ['Transport', 'server_port=5;source=192.0.2.10'],
      ['x-ss-ping-payload', 'hosthosthosthost'],
      ['X-SS-Connect-Data', '77'],
      ['Other', 'stays'],
    ];
    expect(planReply(reply(given), session, plan, PORTS).reply.headers).toEqual([
      ['CSeq', '1'],
      ['Session', `${tokens.rtspSession};timeout = 90`],
      ['Transport', 'unicast'],
      ['x-ss-ping-payload', tokens.pingPayload],
      ['X-SS-Connect-Data', String(tokens.connectData)],
      ['Other', 'stays'],
    ]);
  });

  it('gives the client its tokens also where the host gave none', () => {
    const audio = setup('audio', []);
    expect(audio.reply.headers).toEqual([
      ['CSeq', '1'],
      ['Session', tokens.rtspSession],
      ['Transport', 'server_port=1003'],
      ['X-SS-Ping-Payload', pingPayloadOf(tokens.pingPayload, 'audio')],
    ]);
    expect(audio.stream).toEqual(row({ audio: { address: '192.0.2.10', port: 48_000 } }));
    const control = setup('control', []);
    expect(control.reply.headers).toContainEqual(['X-SS-Connect-Data', String(tokens.connectData)]);
    expect(control.stream).toEqual(row({ control: { address: '192.0.2.10', port: 47_999, connectData: 0 } }));
  });

  it.each([
    { name: 'decimal', value: '2467153406', connectData: 2_467_153_406 },
    { name: 'hexadecimal', value: '0xDeadBeef', connectData: 0xdead_beef },
    { name: 'nothing a client reads', value: 'zero', connectData: 0 },
    { name: 'more than 32 bits', value: '4294967297', connectData: 1 },
  ])('reads the host’s connect data: $name', ({ value, connectData }) => {
    expect(setup('control', [['X-SS-Connect-Data', value]]).stream.control?.connectData).toBe(connectData);
  });

  it.each([
    { name: 'with punctuation', payload: "2uy,^{1nf'z~#9rN", kept: true },
    { name: 'too short', payload: '0123456789abcde', kept: false },
    { name: 'too long', payload: '0123456789abcdefg', kept: false },
    { name: 'with blanks', payload: ' 123456789 bcde ', kept: true },
    { name: 'with a byte that is not printable', payload: '0123456789\tbcdef', kept: false },
  ])('keeps a ping payload that clients would use: $name', ({ payload, kept }) => {
    const { video } = setup('video', [['X-SS-Ping-Payload', payload]]).stream;
    expect(video?.pingPayload).toBe(kept ? payload : undefined);
  });

  it.each([
    { transport: 'server_port=48100', port: 48_100 },
    { transport: 'unicast;server_port=48100-48101;source=1.2.3.4', port: 48_100 },
    { transport: 'server_port=0', port: 47_998 },
    { transport: 'server_port=70000', port: 47_998 },
    { transport: 'unicast', port: 47_998 },
  ])('reads the host’s port from $transport', ({ transport, port }) => {
    const { reply: ours, stream } = setup('video', [['Transport', transport]]);
    expect(stream.video?.port).toBe(port);
    expect(ours.headers).toContainEqual(['Transport', 'server_port=1002']);
  });

  it('notes encryption at ANNOUNCE and playing at PLAY, each only when the host agreed', () => {
    if (recordedAnnounce === undefined) throw new Error('no recorded ANNOUNCE');
    const announced = forwarded(planRequest(recordedAnnounce, session, row()));
    expect(planReply(reply([], 400), session, announced, PORTS).stream).toBe(announced.stream);
    const { stream } = planReply(reply(), session, announced, PORTS);
    expect(stream).toEqual(row({ encryptionEnabled: 0 }));
    const played = forwarded(planRequest(request('PLAY'), session, stream));
    expect(planReply(reply([], 500), session, played, PORTS).stream.isPlaying).toBe(false);
    expect(planReply(reply(), session, played, PORTS).stream.isPlaying).toBe(true);
  });

  it('passes a refusal on, without our tokens added', () => {
    const plan = forwarded(planRequest(request('SETUP', 'streamid=audio/0/0'), session, undefined));
    const refused = planReply(reply([], 500), session, plan, PORTS);
    expect(refused.reply).toEqual(reply([], 500));
    expect(refused.stream).toEqual(row());
  });
});
