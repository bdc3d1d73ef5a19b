import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBpfObject, type BpfObject } from './elf.ts';

const COMMITTED = Uint8Array.from(readFileSync(join(import.meta.dirname, 'program.bpf.o')));
const SOURCE = readFileSync(join(import.meta.dirname, 'program.bpf.c'), 'utf8');
const LOAD_IMMEDIATE = 0x18;
const EXIT = 0x95;
const [HEADER, SECTION, SYMBOL, RELOCATION] = [64, 64, 24, 16];

/** What follows the header in the objects of `formatObject`. */
const AT = { names: 1, program: 2, relocations: 3, license: 4, symbols: 5, empty: 6 } as const;

interface Written {
  type: number;
  bytes: Buffer;
  flags?: number;
  link?: number;
  info?: number;
}

/** An object file as clang lays it out, with the section headers at its end. */
function formatObject({ instructions, maps, license }: BpfObject): Buffer {
  const texts = ['', '_license', ...maps.map(({ map }) => map)];
  const nameAt = (index: number): number => Buffer.from(texts.slice(0, index).join('\0') + '\0').length;
  const symbols = Buffer.alloc(SYMBOL * (2 + maps.length));
  symbols.writeUInt32LE(nameAt(1), SYMBOL);
  symbols.writeUInt16LE(AT.license, SYMBOL + 6);
  const relocations = Buffer.alloc(RELOCATION * maps.length);
  for (const [index, { offset }] of maps.entries()) {
    symbols.writeUInt32LE(nameAt(2 + index), SYMBOL * (2 + index));
    relocations.writeBigUInt64LE(BigInt(offset), RELOCATION * index);
    relocations.writeUInt32LE(1, RELOCATION * index + 8);
    relocations.writeUInt32LE(2 + index, RELOCATION * index + 12);
  }
  return formatSections([
    { type: 0, bytes: Buffer.alloc(0) },
    { type: 3, bytes: Buffer.from(texts.join('\0') + '\0', 'latin1') },
    { type: 1, bytes: Buffer.from(instructions), flags: 6 },
    { type: 9, bytes: relocations, link: AT.symbols, info: AT.program },
    { type: 1, bytes: Buffer.from(`${license}\0`, 'latin1'), flags: 3 },
    { type: 2, bytes: symbols, link: AT.names },
    { type: 1, bytes: Buffer.alloc(0), flags: 6 },
  ]);
}

function formatSections(sections: readonly Written[]): Buffer {
  const header = Buffer.alloc(HEADER);
  Buffer.from('7f454c46020101', 'hex').copy(header);
  header.writeUInt16LE(247, 18);
  header.writeUInt16LE(sections.length, 60);
  const table = Buffer.alloc(SECTION * sections.length);
  let end = HEADER;
  for (const [index, { type, bytes, flags = 0, link = 0, info = 0 }] of sections.entries()) {
    const at = SECTION * index;
    table.writeUInt32LE(type, at + 4);
    table.writeBigUInt64LE(BigInt(flags), at + 8);
    table.writeBigUInt64LE(BigInt(end), at + 24);
    table.writeBigUInt64LE(BigInt(bytes.length), at + 32);
    table.writeUInt32LE(link, at + 40);
    table.writeUInt32LE(info, at + 44);
    end += bytes.length;
  }
  header.writeBigUInt64LE(BigInt(end), 40);
  return Buffer.concat([header, ...sections.map(({ bytes }) => bytes), table]);
}

/** Where the header of a section of `formatObject` is. */
function headerOf(object: Buffer, section: number): number {
  return Number(object.readBigUInt64LE(40)) + SECTION * section;
}

const SMALL: BpfObject = {
  instructions: Uint8Array.of(
    ...[LOAD_IMMEDIATE, 1, 0, 0, 0, 0, 0, 0],
    ...[0, 0, 0, 0, 0, 0, 0, 0],
    ...[EXIT, 0, 0, 0, 0, 0, 0, 0],
  ),
  maps: [{ offset: 0, map: 'routes4' }],
  license: 'Dual MIT/GPL',
};

/** Programs with any instructions, some of which refer to maps. */
const anyObject: fc.Arbitrary<BpfObject> = fc
  .record({
    loads: fc.array(fc.option(fc.stringMatching(/^[a-z0-9_]{1,12}$/), { nil: undefined }), {
      minLength: 1,
      maxLength: 12,
    }),
    fill: fc.integer({ min: 0, max: 0xff }),
    license: fc.stringMatching(/^[ -~]{0,20}$/),
  })
  .map(({ loads, fill, license }) => {
    const instructions = new Uint8Array(16 * loads.length).fill(fill);
    const maps = loads.flatMap((map, index) => (map === undefined ? [] : [{ offset: 16 * index, map }]));
    for (const { offset } of maps) instructions[offset] = LOAD_IMMEDIATE;
    return { instructions, maps, license };
  });

/** Reads `bytes` in the middle of others, so that whoever reads past the end meets them. */
function readAmid(bytes: Uint8Array, fill: number): BpfObject | undefined {
  const around = new Uint8Array(bytes.length + 4096).fill(fill);
  around.set(bytes, 2048);
  return readBpfObject(around.subarray(2048, 2048 + bytes.length));
}

/** Neither throws nor reads past the end, and answers nothing or what the kernel can be given. */
function expectSound(bytes: Uint8Array): void {
  const object = readAmid(bytes, 0);
  expect(readAmid(bytes, 0xff)).toEqual(object);
  if (object === undefined) return;
  const { instructions, maps, license } = object;
  expect(instructions.length).toBeGreaterThan(0);
  expect(instructions.length % 8).toBe(0);
  expect(instructions.length).toBeLessThan(bytes.length);
  for (const { offset } of maps) {
    expect(offset % 8).toBe(0);
    expect(offset + 16).toBeLessThanOrEqual(instructions.length);
    expect(instructions[offset]).toBe(LOAD_IMMEDIATE);
  }
  expect(license).not.toContain('\0');
}

describe('readBpfObject on the program that is shipped', () => {
  const object = readBpfObject(COMMITTED);
  const { instructions, maps, license } = object ?? { instructions: new Uint8Array(), maps: [], license: '' };

  it('reads the licence that the source states', () => {
    expect(license).toBe(/_license\[\].*= "(.*)";/.exec(SOURCE)?.[1]);
  });

  it('finds each reference to a map that the source makes', () => {
    const referred = [...SOURCE.matchAll(/map_lookup\(&(\w+),/g)].map(([, map]) => map);
    expect(maps.map(({ map }) => map).sort()).toEqual(referred.sort());
    expect(new Set(maps.map(({ map }) => map))).toEqual(new Set(['routes4', 'routes6']));
  });

  it('points at loads that no descriptor was put in yet', () => {
    for (const { offset } of maps) {
      const load = instructions.subarray(offset, offset + 16);
      const register = (load[1] ?? 0) & 0x0f;
      expect([...load]).toEqual([LOAD_IMMEDIATE, register, ...new Array<number>(14).fill(0)]);
    }
  });

  it('reads as many instructions as the entry function has', () => {
    expect(instructions.length).toBe(sizeOfOnlyGlobalFunction());
    expect(Buffer.from(COMMITTED).includes(Buffer.from(instructions))).toBe(true);
  });

  /** By the symbol of its only global function, found without reading sections: info 0x12, other 0, value 0. */
  function sizeOfOnlyGlobalFunction(): number {
    const bytes = Buffer.from(COMMITTED);
    const sizes: number[] = [];
    for (let at = 0; at + 20 <= bytes.length; at += 4) {
      const isFunction = bytes.readUInt16LE(at) === 0x12 && bytes.readUInt16LE(at + 2) < 0xff00;
      if (isFunction && bytes.readBigUInt64LE(at + 4) === 0n) sizes.push(bytes.readUInt32LE(at + 12));
    }
    expect(sizes).toHaveLength(1);
    return sizes[0] ?? 0;
  }
});

describe('readBpfObject', () => {
  it('reads what was written', () => {
    fc.assert(
      fc.property(anyObject, (written) => {
        expect(readBpfObject(formatObject(written))).toEqual(written);
      }),
    );
  });

  it('keeps what it read, whatever becomes of the file', () => {
    const object = formatObject(SMALL);
    const read = readBpfObject(object);
    object.fill(0);
    expect(read).toEqual(SMALL);
  });

  it.each<{ name: string; spoil: (object: Buffer) => void }>([
    { name: 'another magic', spoil: (object) => object.writeUInt8(0x7e, 0) },
    { name: '32 bits', spoil: (object) => object.writeUInt8(1, 4) },
    { name: 'big-endian', spoil: (object) => object.writeUInt8(2, 5) },
    { name: 'another machine', spoil: (object) => object.writeUInt16LE(62, 18) },
    { name: 'more sections than there are', spoil: (object) => object.writeUInt16LE(0xffff, 60) },
    { name: 'no sections', spoil: (object) => object.writeUInt16LE(0, 60) },
    { name: 'sections beyond the end', spoil: (object) => object.writeBigUInt64LE(1n << 63n, 40) },
    {
      name: 'a program beyond the end',
      spoil: (object) => object.writeBigUInt64LE((1n << 64n) - 1n, headerOf(object, AT.program) + 24),
    },
    {
      name: 'a program longer than the file',
      spoil: (object) => object.writeBigUInt64LE(1n << 53n, headerOf(object, AT.program) + 32),
    },
    {
      name: 'half an instruction',
      spoil: (object) => object.writeBigUInt64LE(20n, headerOf(object, AT.program) + 32),
    },
    {
      name: 'no instructions',
      spoil: (object) => object.writeBigUInt64LE(0n, headerOf(object, AT.program) + 32),
    },
    {
      name: 'two programs',
      spoil: (object) => {
        object.writeBigUInt64LE(64n, headerOf(object, AT.empty) + 24);
        object.writeBigUInt64LE(8n, headerOf(object, AT.empty) + 32);
      },
    },
    {
      name: 'references by other symbols',
      spoil: (object) => object.writeUInt32LE(AT.names, headerOf(object, AT.relocations) + 40),
    },
    {
      name: 'a reference outside of the program',
      spoil: (object) => object.writeBigUInt64LE(16n, relocationIn(object)),
    },
    {
      name: 'a reference far outside of the program',
      spoil: (object) => object.writeBigUInt64LE(1n << 63n, relocationIn(object)),
    },
    {
      name: 'a reference from inside an instruction',
      spoil: (object) => object.writeBigUInt64LE(4n, relocationIn(object)),
    },
    {
      name: 'a reference from what is no load',
      spoil: (object) => object.writeUInt8(0xb7, Number(object.readBigUInt64LE(headerOf(object, 2) + 24))),
    },
    {
      name: 'a reference of another kind',
      spoil: (object) => object.writeUInt32LE(10, relocationIn(object) + 8),
    },
    {
      name: 'a reference to no symbol',
      spoil: (object) => object.writeUInt32LE(0xffff_ffff, relocationIn(object) + 12),
    },
    {
      name: 'a name beyond the names',
      spoil: (object) => object.writeUInt32LE(0xffff_ffff, symbolIn(object, 2)),
    },
    { name: 'no licence', spoil: (object) => object.writeUInt32LE(0, symbolIn(object, 1)) },
    {
      name: 'a licence in no section',
      spoil: (object) => object.writeUInt16LE(0xfff1, symbolIn(object, 1) + 6),
    },
    {
      name: 'a licence without an end',
      spoil: (object) => object.writeBigUInt64LE(12n, headerOf(object, AT.license) + 32),
    },
  ])('refuses $name', ({ spoil }) => {
    const object = formatObject(SMALL);
    expect(readBpfObject(object)).toEqual(SMALL);
    spoil(object);
    expect(readBpfObject(object)).toBeUndefined();
  });

  it('does not mind sections that are not in the file, however long', () => {
    const object = formatObject(SMALL);
    object.writeUInt32LE(8, headerOf(object, AT.empty) + 4);
    object.writeBigUInt64LE(1n << 40n, headerOf(object, AT.empty) + 32);
    expect(readBpfObject(object)).toEqual(SMALL);
  });

  function relocationIn(object: Buffer): number {
    return Number(object.readBigUInt64LE(headerOf(object, AT.relocations) + 24));
  }

  function symbolIn(object: Buffer, index: number): number {
    return Number(object.readBigUInt64LE(headerOf(object, AT.symbols) + 24)) + SYMBOL * index;
  }
});

describe('readBpfObject never throws, reads past the end or answers nonsense', () => {
  it('whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 512 }), expectSound));
    const headed = fc.uint8Array({ minLength: 64, maxLength: 512 }).map((bytes) => {
      bytes.set(formatObject(SMALL).subarray(0, 40));
      return bytes;
    });
    fc.assert(fc.property(headed, expectSound));
  });

  it('wherever the file ends', () => {
    for (let end = 0; end < COMMITTED.length; end += 1) {
      expect(readAmid(COMMITTED.subarray(0, end), 0)).toBeUndefined();
    }
    const small = formatObject(SMALL);
    for (let end = 0; end < small.length; end += 1) expectSound(small.subarray(0, end));
  });

  it('whichever byte is another one', () => {
    const small = formatObject(SMALL);
    for (let at = 0; at < small.length; at += 1) {
      for (const value of [0, 1, 7, 0x7f, 0x80, 0xff]) {
        const changed = Buffer.from(small);
        changed.writeUInt8(value, at);
        expectSound(changed);
      }
    }
  });

  it('whichever bytes are others', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 0xff })), {
      minLength: 1,
      maxLength: 8,
    });
    for (const object of [formatObject(SMALL), COMMITTED]) {
      fc.assert(
        fc.property(changes, (list) => {
          const changed = Uint8Array.from(object);
          for (const [at, value] of list) changed[at % changed.length] = value;
          expectSound(changed);
        }),
      );
    }
  });

  it('whatever a section header says', () => {
    const huge = fc.oneof(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.bigInt({ min: 0n, max: 2000n }));
    const fields = fc.array(
      fc.record({ section: fc.nat(6), field: fc.constantFrom(0, 8, 16, 24, 32, 40), value: huge }),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(fields, (list) => {
        const object = formatObject(SMALL);
        for (const { section, field, value } of list) {
          object.writeBigUInt64LE(value, headerOf(object, section) + field);
        }
        expectSound(object);
      }),
      { numRuns: 1000 },
    );
  });
});
