import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseEnetCommands } from '../../core/protocol/enet/command.ts';
import { openControlMessage } from '../../core/protocol/enet/control.ts';
import { readPeerID, readSessionID } from '../../core/protocol/enet/header.ts';
import {
  FRAME_TYPE,
  MULTI_FEC_FLAGS,
  VIDEO_FLAG,
  VIDEO_HEADERS_SIZE,
  writeFrameHeader,
  writeVideoPacketHeaders,
} from '../../core/protocol/rtp/video.ts';
import { sealVideoPacket } from '../../core/protocol/rtp/video-encryption.ts';
import { Fixture, HOST_PEER, play, RIKEY, type Playing } from '../testing/fixture.ts';

/** The first packet of a frame. */
function picture(frameIndex: number, frameType: number): Uint8Array {
  const packet = new Uint8Array(1040);
  writeVideoPacketHeaders(packet, {
    rtp: {
      hasExtension: true,
      marker: false,
      payloadType: 0,
      sequenceNumber: frameIndex,
      timestamp: 0,
      ssrc: 0,
    },
    streamPacketIndex: frameIndex,
    frameIndex,
    flags: VIDEO_FLAG.PICTURE_DATA | VIDEO_FLAG.SOF,
    extraFlags: 0,
    multiFecFlags: MULTI_FEC_FLAGS,
    fecBlock: 0,
    fecLastBlock: 0,
    dataShards: 1,
    shardIndex: 0,
    fecPercentage: 20,
  });
  writeFrameHeader(packet.subarray(VIDEO_HEADERS_SIZE), {
    hostLatencyTenthsMs: 0,
    frameType,
    lastPacketLength: 100,
  });
  return packet;
}

function encrypted(frameNumber: number): Uint8Array {
  const iv12 = new Uint8Array(12).fill(frameNumber);
  return sealVideoPacket(picture(frameNumber, FRAME_TYPE.IDR), { key: RIKEY, iv12, frameNumber });
}

describe('the first picture', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.start();
  });
  afterEach(() => fixture.close());

  /** Sends one video datagram and waits until the client has it: `count` in all. */
  async function show({ host, client, slot }: Playing, packet: Uint8Array, count: number): Promise<void> {
    host.video.send(packet, slot.video);
    expect((await client.video.expect(count)).bytes).toEqual(Buffer.from(packet));
  }

  /** Datagrams that the relay sent to the host's control port. */
  const asked = (): number => fixture.relay.stats().counters.toHost.control.datagrams;

  it.each([
    { version: 'v1', encryptionEnabled: 0 },
    { version: 'v2', encryptionEnabled: 1 },
  ] as const)('is asked for when frame 0 comes, control $version', async ({ version, encryptionEnabled }) => {
    const playing = await play(fixture, 1, { stream: { encryptionEnabled } });
    const count = playing.host.control.received.length;
    await show(playing, picture(0, FRAME_TYPE.IDR), 1);
    const { bytes } = await playing.host.control.expect(count + 1);
    expect(readPeerID(bytes)).toBe(HOST_PEER.peerID);
    expect(readSessionID(bytes)).toBe(HOST_PEER.toHost);
    const [command] = parseEnetCommands(bytes, 2) ?? [];
    expect(command).toMatchObject({
      type: 'sendUnreliable',
      channelID: 47,
      reliableSequenceNumber: 0,
      unreliableSequenceNumber: 1,
      needsAcknowledge: false,
    });
    if (command?.type !== 'sendUnreliable') return;
    expect(openControlMessage(command.data, { key: RIKEY, version, sender: 'client' })).toEqual({
      seq: 0xffff_ff01,
      type: 0x0302,
      payload: Buffer.alloc(2),
    });
  });

  it('is asked for every 150 ms until an IDR frame of 1 or more comes', async () => {
    const playing = await play(fixture, 1);
    const before = asked();
    await show(playing, picture(0, FRAME_TYPE.IDR), 1);
    expect(asked()).toBe(before + 1);
    fixture.clock.advance(140);
    expect(asked()).toBe(before + 1);
    fixture.clock.advance(160);
    expect(asked()).toBe(before + 2);
    await show(playing, picture(1, FRAME_TYPE.P), 2);
    fixture.clock.advance(160);
    expect(asked()).toBe(before + 3);
    await show(playing, picture(2, FRAME_TYPE.IDR), 3);
    fixture.clock.advance(2_000);
    expect(asked()).toBe(before + 3);
  });

  it('is asked for eight times at most', async () => {
    const playing = await play(fixture, 1);
    const before = asked();
    await show(playing, picture(0, FRAME_TYPE.IDR), 1);
    fixture.clock.advance(5_000);
    expect(asked()).toBe(before + 8);
  });

  it('is not asked for when the host starts at 1', async () => {
    const playing = await play(fixture, 1);
    const before = asked();
    await show(playing, picture(1, FRAME_TYPE.IDR), 1);
    await show(playing, picture(0, FRAME_TYPE.IDR), 2);
    fixture.clock.advance(2_000);
    expect(asked()).toBe(before);
  });

  it('is asked for once more after frame 1 where the type of a frame is encrypted', async () => {
    const playing = await play(fixture, 1, { stream: { encryptionEnabled: 3 } });
    const before = asked();
    await show(playing, encrypted(0), 1);
    await show(playing, encrypted(1), 2);
    await show(playing, encrypted(2), 3);
    fixture.clock.advance(3_000);
    expect(asked()).toBe(before + 2);
  });

  it('never holds media up, whatever the datagram', async () => {
    const playing = await play(fixture, 1);
    await show(playing, Buffer.of(1), 1);
    await show(playing, picture(0, FRAME_TYPE.IDR), 2);
  });
});
