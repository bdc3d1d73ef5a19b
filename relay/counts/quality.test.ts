import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EnetCommand } from '../../core/protocol/enet/command.ts';
import { CONTROL_TYPE } from '../../core/protocol/enet/control.ts';
import { createMemoryTable } from '../../core/session/memory.ts';
import type { FlowRecord } from '../../core/session/record.ts';
import {
  datagram,
  ENET_ACK,
  ENET_PING,
  Fixture,
  HOST_PEER,
  message,
  play,
  type Playing,
} from '../testing/fixture.ts';
import { until } from '../testing/udp-peer.ts';

const DATAGRAM_SIZE = 1040;

function video(sequenceNumber: number): Buffer {
  const bytes = Buffer.alloc(DATAGRAM_SIZE);
  bytes.writeUInt16BE(sequenceNumber, 2);
  bytes.writeUInt32LE(1 + Math.floor(sequenceNumber / 10), 20);
  return bytes;
}

/** As a client sends its FEC reports. */
function unsequenced(seq: number, type: number, key?: Buffer): EnetCommand {
  const sealed = message(seq, { type, ...(key === undefined ? {} : { key }) });
  if (sealed.type !== 'sendReliable') throw new Error('not a message');
  const { data } = sealed;
  return {
    type: 'sendUnsequenced',
    needsAcknowledge: false,
    isUnsequenced: true,
    channelID: 1,
    reliableSequenceNumber: 0,
    unsequencedGroup: seq,
    data,
  };
}

describe('the quality in a flow row', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.start();
  });
  afterEach(() => fixture.close());

  const quality = async (): Promise<FlowRecord['quality']> => (await fixture.flowRow('session-1'))?.quality;

  /** Sends video with these numbers, and waits for the last one. */
  async function stream({ host, client, slot }: Playing, sequenceNumbers: readonly number[]): Promise<void> {
    const count = client.video.received.length;
    for (const sequenceNumber of sequenceNumbers) host.video.send(video(sequenceNumber), slot.video);
    await client.video.expect(count + sequenceNumbers.length);
  }

  /** The client's answer reaches the host. */
  async function sendControl({ client, host, session }: Playing, ...commands: EnetCommand[]): Promise<void> {
    const count = host.control.received.length;
    client.control.send(
      datagram(session.tokens.peerId, HOST_PEER.toHost, ...commands),
      fixture.ports.control,
    );
    await host.control.expect(count + 1);
  }

  it('tells bit rates of the last second, and that there are none any more', async () => {
    const playing = await play(fixture, 1);
    fixture.clock.advance(1_000);
    await stream(playing, [1, 2, 3, 4]);
    playing.host.audio.send(Buffer.alloc(125), playing.slot.audio);
    await playing.client.audio.expect(1);
    fixture.clock.advance(1_020);
    expect(await quality()).toMatchObject({
      videoBps: (4 * DATAGRAM_SIZE * 8 * 1_000) / 1_000,
      audioBps: 1_000,
    });
    fixture.clock.advance(1_020);
    expect(await quality()).toMatchObject({ videoBps: 0, audioBps: 0, videoDatagrams: 4 });
  });

  it('has no rates once the generation is over', async () => {
    const playing = await play(fixture, 1);
    fixture.clock.advance(1_000);
    await stream(playing, [1, 2]);
    fixture.clock.advance(1_020);
    expect((await quality())?.videoBps).toBeGreaterThan(0);
    await fixture.putSession({ ...playing.session, state: 'ended' });
    await expect.poll(() => fixture.flowRow('session-1')).toMatchObject({ status: 'closed' });
    expect(await quality()).toMatchObject({ videoBps: 0, audioBps: 0, videoDatagrams: 2 });
  });

  it('counts what was lost on the way from the host', async () => {
    const playing = await play(fixture, 1);
    await stream(playing, [65_534, 65_535, 2, 1, 3, 7]);
    fixture.clock.advance(300);
    expect(await quality()).toMatchObject({ videoDatagrams: 6, videoLost: 4 });
  });

  it('tells the round-trip time to the client, once an acknowledgement came', async () => {
    const playing = await play(fixture, 1);
    expect(await quality()).not.toHaveProperty('rttMs');
    // The VERIFY_CONNECT is the first thing that the client acknowledges.
    fixture.clock.advance(42);
    await sendControl(playing, { ...ENET_ACK, ...{ receivedSentTime: 0x3235 } });
    fixture.clock.advance(300);
    expect(await quality()).toMatchObject({ rttMs: 42 });

    const { host, client, slot } = playing;
    const count = client.control.received.length;
    host.control.send(datagram(0, HOST_PEER.toClient, ENET_ACK, ENET_PING), slot.control);
    await client.control.expect(count + 1);
    fixture.clock.advance(34);
    await sendControl(playing, ENET_PING, { ...ENET_ACK, ...{ receivedSentTime: 0x3235 } });
    fixture.clock.advance(300);
    expect(await quality()).toMatchObject({ rttMs: 41 });
  });

  it("counts the client's FEC reports, and nothing that is not one", async () => {
    const playing = await play(fixture, 1);
    const report = CONTROL_TYPE.FRAME_FEC_STATUS;
    await sendControl(playing, unsequenced(1, report), ENET_PING, unsequenced(2, report));
    await sendControl(playing, unsequenced(3, CONTROL_TYPE.INPUT));
    await sendControl(playing, unsequenced(4, report, Buffer.alloc(16, 1)));
    await sendControl(playing, message(5, { type: report }));
    fixture.clock.advance(300);
    expect(await quality()).toMatchObject({ fecReports: 2 });
  });

  it('opens only so many messages a second to count them', async () => {
    const playing = await play(fixture, 1);
    for (let seq = 0; seq < 100; seq++) {
      await sendControl(playing, unsequenced(seq, CONTROL_TYPE.FRAME_FEC_STATUS));
    }
    fixture.clock.advance(1_000);
    expect(await quality()).toMatchObject({ fecReports: 60 });
  });
});

describe('the quality of a flow that a relay takes over', () => {
  it('goes on from what was counted', async () => {
    const table = createMemoryTable();
    const first = await Fixture.start({}, table);
    const { host, client, slot } = await play(first, 1);
    for (const sequenceNumber of [1, 2, 5]) host.video.send(video(sequenceNumber), slot.video);
    await client.video.expect(3);
    first.clock.advance(300);
    await first.relay.stop();

    const second = await Fixture.start({}, table);
    const port = await newVideoPort(second, host);
    host.video.send(video(90), port);
    host.video.send(video(92), port);
    await client.video.expect(5);
    second.clock.advance(1_000);
    expect((await second.flowRow('session-1'))?.quality).toMatchObject({
      videoDatagrams: 5,
      videoLost: 3,
      videoBps: 2 * DATAGRAM_SIZE * 8,
    });
    await second.close();
    await first.close();
  });

  async function newVideoPort(fixture: Fixture, host: Playing['host']): Promise<number> {
    const old = host.video.received.at(-1)?.port;
    await until(() => {
      fixture.clock.advance(20);
      return host.video.last.length > 0 && host.video.received.at(-1)?.port !== old;
    }, 'a ping of the second relay');
    return host.video.received.at(-1)?.port ?? 0;
  }
});
