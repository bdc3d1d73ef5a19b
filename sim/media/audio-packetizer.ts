/**
 * Puts Opus packets into audio datagrams with parity: after every fourth data packet two of FEC. Encryption, if
 * asked for, is of the Opus packet only; parity is made of what is sent.
 *
 * Source: the recorded datagrams (payload types, numbers and timestamps of both kinds).
 */
import {
  AUDIO_FEC_BLOCK,
  AUDIO_FEC_HEADER_SIZE,
  PAYLOAD_TYPE_AUDIO,
  PAYLOAD_TYPE_AUDIO_FEC,
  sealAudio,
  writeAudioFecHeader,
} from '../../core/protocol/rtp/audio.ts';
import { RTP_HEADER_SIZE, writeRtpHeader } from '../../core/protocol/rtp/header.ts';
import { encodeAudioParity } from '../../core/protocol/rtp/reed-solomon.ts';

const U16 = 0xffff;

/** What does not change during a stream. */
export interface AudioPacketizerOptions {
  /** 5 or 10; RTP timestamps count milliseconds. */
  packetDurationMs: number;
  /** rikey (16 bytes) and rikeyid, where the client asked for encrypted audio. */
  encryption?: { key: Uint8Array; rikeyid: number };
}

/** Numbers of one audio stream, and the payloads of the FEC block in hand. */
export class AudioPacketizer {
  readonly #options: AudioPacketizerOptions;
  /** Data packets so far. */
  #packets = 0;
  /** At most 4. */
  #block: Uint8Array[] = [];

  constructor(options: AudioPacketizerOptions) {
    this.#options = options;
  }

  /** Datagrams of the next Opus packet: its own, and after each fourth also the parity of the four. */
  packetize(opus: Uint8Array): Uint8Array[] {
    const { packetDurationMs, encryption } = this.#options;
    const sequenceNumber = this.#packets & U16;
    const timestamp = (this.#packets * packetDurationMs) >>> 0;
    const payload = encryption === undefined ? opus : sealAudio(opus, { ...encryption, sequenceNumber });
    this.#packets += 1;
    this.#block.push(payload);
    const datagrams = [datagramOf(PAYLOAD_TYPE_AUDIO, { sequenceNumber, timestamp }, payload)];
    if (this.#block.length === AUDIO_FEC_BLOCK.DATA_SHARDS) datagrams.push(...this.#parity());
    return datagrams;
  }

  #parity(): Uint8Array[] {
    const base = this.#packets - AUDIO_FEC_BLOCK.DATA_SHARDS;
    const lastSequenceNumber = this.#packets - 1;
    const parity = encodeAudioParity(this.#block);
    this.#block = [];
    return parity.map((shard, shardIndex) => {
      const payload = new Uint8Array(AUDIO_FEC_HEADER_SIZE + shard.length);
      writeAudioFecHeader(payload, {
        shardIndex,
        payloadType: PAYLOAD_TYPE_AUDIO,
        baseSequenceNumber: base & U16,
        baseTimestamp: (base * this.#options.packetDurationMs) >>> 0,
        ssrc: 0,
      });
      payload.set(shard, AUDIO_FEC_HEADER_SIZE);
      const sequenceNumber = (lastSequenceNumber + shardIndex) & U16;
      return datagramOf(PAYLOAD_TYPE_AUDIO_FEC, { sequenceNumber, timestamp: 0 }, payload);
    });
  }
}

function datagramOf(
  payloadType: number,
  numbers: { sequenceNumber: number; timestamp: number },
  payload: Uint8Array,
): Uint8Array {
  const datagram = new Uint8Array(RTP_HEADER_SIZE + payload.length);
  writeRtpHeader(datagram, { hasExtension: false, marker: false, payloadType, ...numbers, ssrc: 0 });
  datagram.set(payload, RTP_HEADER_SIZE);
  return datagram;
}
