/**
 * Audio datagrams in, counts out: Opus packets in FEC blocks of 4 data and 2 parity, which begin at sequence
 * numbers that are multiples of 4. What comes before the first whole block is ignored, as a real client does; it
 * also throws away the first 500 ms, which is left out here, as a count of everything says more.
 *
 * Source: moonlight-common-c `RtpAudioQueue.c`.
 */
import {
  AUDIO_FEC_BLOCK,
  AUDIO_FEC_HEADER_SIZE,
  openAudio,
  parseAudioFecHeader,
  PAYLOAD_TYPE_AUDIO,
  PAYLOAD_TYPE_AUDIO_FEC,
} from '../../core/protocol/rtp/audio.ts';
import { parseRtpHeader, RTP_HEADER_SIZE } from '../../core/protocol/rtp/header.ts';
import { recoverAudioShards } from '../../core/protocol/rtp/reed-solomon.ts';

const { DATA_SHARDS, PARITY_SHARDS } = AUDIO_FEC_BLOCK;
/** Blocks that wait for more packets; the oldest is closed when another one begins. */
const OPEN_MAX = 3;
const SEQUENCE_SPACE = 0x1_0000;

/** What was received; all counts. */
export interface AudioCounters {
  datagrams: number;
  /** Neither audio nor its parity. */
  malformed: number;
  /** Opus packets that arrived. */
  packets: number;
  /** Opus packets that were computed from parity. */
  packetsRepaired: number;
  /** Opus packets that were not. */
  packetsLost: number;
  /** Opus packets whose decryption failed. */
  undecryptable: number;
}

interface Block {
  /** Sequence number of the first data packet. */
  base: number;
  shards: (Uint8Array | undefined)[];
}

export class AudioReceiver {
  readonly counters: AudioCounters = {
    datagrams: 0,
    malformed: 0,
    packets: 0,
    packetsRepaired: 0,
    packetsLost: 0,
    undecryptable: 0,
  };
  readonly #cipher: { key: Uint8Array; rikeyid: number } | undefined;
  /** Oldest first, at most OPEN_MAX. */
  #open: Block[] = [];
  /** The first block that is not closed yet; `undefined` before the first packet. */
  #nextBase: number | undefined;

  /** @param cipher if audio is encrypted. */
  constructor(cipher: { key: Uint8Array; rikeyid: number } | undefined) {
    this.#cipher = cipher;
  }

  receive(datagram: Uint8Array): void {
    this.counters.datagrams += 1;
    const rtp = parseRtpHeader(datagram);
    const payload = datagram.subarray(RTP_HEADER_SIZE);
    if (rtp?.payloadType === PAYLOAD_TYPE_AUDIO) this.#receiveData(rtp.sequenceNumber, payload);
    else if (rtp?.payloadType === PAYLOAD_TYPE_AUDIO_FEC) this.#receiveParity(payload);
    else this.counters.malformed += 1;
  }

  #receiveData(sequenceNumber: number, payload: Uint8Array): void {
    const index = sequenceNumber % DATA_SHARDS;
    const base = sequenceNumber - index;
    this.#nextBase ??= index === 0 ? base : (base + DATA_SHARDS) % SEQUENCE_SPACE;
    if (!this.#put(base, index, payload)) return;
    this.counters.packets += 1;
    if (this.#cipher && openAudio(payload, { ...this.#cipher, sequenceNumber }) === undefined) {
      this.counters.undecryptable += 1;
    }
  }

  #receiveParity(payload: Uint8Array): void {
    const header = parseAudioFecHeader(payload);
    if (header === undefined || header.shardIndex >= PARITY_SHARDS) {
      this.counters.malformed += 1;
      return;
    }
    if (this.#nextBase === undefined || header.baseSequenceNumber % DATA_SHARDS !== 0) return;
    const parity = payload.subarray(AUDIO_FEC_HEADER_SIZE);
    this.#put(header.baseSequenceNumber, DATA_SHARDS + header.shardIndex, parity);
  }

  /** @returns false for a duplicate, and for a block that is closed or too far ahead to be one. */
  #put(base: number, index: number, payload: Uint8Array): boolean {
    const ahead = (base - (this.#nextBase ?? base) + SEQUENCE_SPACE) % SEQUENCE_SPACE;
    if (ahead >= SEQUENCE_SPACE / 2) return false;
    const block = this.#open.find((open) => open.base === base) ?? this.#begin(base);
    if (block.shards[index] !== undefined) return false;
    block.shards[index] = payload;
    while (this.#open[0] !== undefined && isWhole(this.#open[0]) && this.#open[0].base === this.#nextBase) {
      this.#closeFirst();
    }
    return true;
  }

  #begin(base: number): Block {
    const block: Block = { base, shards: Array.from({ length: DATA_SHARDS + PARITY_SHARDS }) };
    this.#open.push(block);
    const from = this.#nextBase ?? base;
    const place = (open: Block) => (open.base - from + SEQUENCE_SPACE) % SEQUENCE_SPACE;
    this.#open.sort((a, b) => place(a) - place(b));
    while (this.#open.length > OPEN_MAX) this.#closeFirst();
    return block;
  }

  /** Settles the oldest block, and what is missing altogether before it. */
  #closeFirst(): void {
    const block = this.#open.shift();
    if (block === undefined) return;
    this.counters.packetsLost +=
      (block.base - (this.#nextBase ?? block.base) + SEQUENCE_SPACE) % SEQUENCE_SPACE;
    this.#nextBase = (block.base + DATA_SHARDS) % SEQUENCE_SPACE;
    const missing = block.shards.slice(0, DATA_SHARDS).filter((shard) => shard === undefined).length;
    if (missing === 0) return;
    if (recoverAudioShards(block.shards)) this.counters.packetsRepaired += missing;
    else this.counters.packetsLost += missing;
  }
}

function isWhole({ shards }: Block): boolean {
  return shards.slice(0, DATA_SHARDS).every((shard) => shard !== undefined);
}
