/**
 * Another program on the tcx hook of a device, as a cluster's network plugin has one: it counts each frame that comes
 * to it and passes it on. What it did not count, a program before it kept.
 *
 * Source: eBPF instruction set (RFC 9669); `TCX_NEXT` of linux/bpf.h.
 */
import { Bpf, type BpfMap } from '../../relay/datapath/kernel/bpf.ts';
import { allocate, loadLibc } from '../../relay/datapath/kernel/libc.ts';

/** Of 8 bytes each: opcode, registers (source, destination), offset, immediate. */
const INSTRUCTIONS = [
  '62 0a fcff 00000000', // *(u32 *)(r10 - 4) = 0
  'bf a2 0000 00000000', // r2 = r10
  '07 02 0000 fcffffff', // r2 += -4
  '18 01 0000 00000000', // r1 = the map
  '00 00 0000 00000000',
  '85 00 0000 01000000', // r0 = bpf_map_lookup_elem(r1, r2)
  '15 00 0200 00000000', // if r0 == 0 goto +2
  'b7 01 0000 01000000', // r1 = 1
  'db 10 0000 00000000', // lock *(u64 *)r0 += r1
  'b7 00 0000 ffffffff', // r0 = TCX_NEXT
  '95 00 0000 00000000', // exit
];
const MAP_AT = 3 * 8;
const COUNTER = { keySize: 4, valueSize: 8, maxEntries: 1 } as const;

export class NeighbourProgram {
  readonly #bpf = new Bpf(loadLibc());
  readonly #descriptors: number[] = [];
  readonly #counter: BpfMap;

  /**
   * Attaches in front of what is there.
   *
   * @param ifindex - of a device of the namespace that this thread is in
   * @throws GleipnirError KERNEL_PATH_UNAVAILABLE where programs cannot be attached
   */
  constructor(ifindex: number) {
    try {
      this.#counter = this.#bpf.createMap(COUNTER);
      this.#descriptors.push(this.#counter.descriptor);
      this.#bpf.update(this.#counter, allocate(COUNTER.keySize), allocate(COUNTER.valueSize));
      const program = this.#bpf.loadProgram(
        {
          instructions: Buffer.from(INSTRUCTIONS.join('').replaceAll(' ', ''), 'hex'),
          maps: [{ offset: MAP_AT, map: 'counter' }],
          license: 'MIT',
        },
        { counter: this.#counter },
      );
      this.#descriptors.push(program, this.#bpf.attach(program, ifindex));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Frames that came to it. */
  get count(): number {
    let count = -1;
    this.#bpf.forEach(this.#counter, (value) => {
      count = Number(value.getBigUint64(0, true));
    });
    return count;
  }

  /** Detaches. Idempotent. */
  close(): void {
    for (const descriptor of this.#descriptors.splice(0).reverse()) this.#bpf.close(descriptor);
  }
}
