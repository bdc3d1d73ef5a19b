/**
 * Reads the compiled kernel program: one section of instructions, the references to maps in it, the licence.
 * A pure function of bytes that never throws.
 *
 * Source: ELF-64 object file format; relocation R_BPF_64_64 of the eBPF psABI (the 64-bit immediate load at its offset).
 */

const HEADER = { size: 64, machine: 18, sections: 40, sectionCount: 60 } as const;
const SECTION = { size: 64, type: 4, flags: 8, offset: 24, length: 32, link: 40, info: 44 } as const;
const SYMBOL = { size: 24, name: 0, section: 6, value: 8 } as const;
const RELOCATION = { size: 16, offset: 0, type: 8, symbol: 12 } as const;

/** ELF, 64 bits, little-endian. */
const MAGIC = 0x7f45_4c46;
const CLASS_64_LITTLE = 0x0201;
const MACHINE_BPF = 247;
/** Of sections: PROGBITS, SYMTAB, NOBITS, REL. */
const TYPE = { PROGRAM: 1, SYMBOLS: 2, NOT_IN_FILE: 8, RELOCATIONS: 9 } as const;
const HOLDS_INSTRUCTIONS = 4n;
const R_BPF_64_64 = 1;
const INSTRUCTION_SIZE = 8;
/** `lddw`: loads a 64-bit immediate, in two instructions. */
const LOAD_IMMEDIATE = 0x18;
const TEXT_END = 0;

/** A place in the instructions that wants a map's descriptor. */
export interface MapReference {
  /** In bytes, of the instruction that loads it. */
  offset: number;
  map: string;
}

export interface BpfObject {
  /** A copy. */
  instructions: Uint8Array;
  maps: MapReference[];
  license: string;
}

interface Section {
  type: number;
  isProgram: boolean;
  /** Both in bytes, and inside the file. */
  offset: number;
  length: number;
  link: number;
  info: number;
}

/** @returns `undefined` unless `bytes` hold exactly one program with instructions, and a licence. */
export function readBpfObject(bytes: Uint8Array): BpfObject | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sections = readSections(view);
  const [program, ...more] = sections?.filter(({ isProgram }) => isProgram) ?? [];
  const symbols = sections?.find(({ type }) => type === TYPE.SYMBOLS);
  const names = symbols === undefined ? undefined : sections?.[symbols.link];
  if (sections === undefined || symbols === undefined || names === undefined) return undefined;
  if (program === undefined || more.length > 0 || program.length % INSTRUCTION_SIZE !== 0) return undefined;

  const readName = (symbol: number): string | undefined => {
    const at = symbols.offset + symbol * SYMBOL.size;
    if ((symbol + 1) * SYMBOL.size > symbols.length) return undefined;
    return readText(bytes, names, view.getUint32(at + SYMBOL.name, true));
  };
  const maps: MapReference[] = [];
  for (const relocation of sections) {
    if (relocation.type !== TYPE.RELOCATIONS || sections[relocation.info] !== program) continue;
    if (sections[relocation.link] !== symbols) return undefined;
    const references = readReferences(view, { relocation, program, readName });
    if (references === undefined) return undefined;
    maps.push(...references);
  }
  const license = readLicense(bytes, view, { sections, symbols, readName });
  if (license === undefined) return undefined;
  const instructions = new Uint8Array(bytes.subarray(program.offset, program.offset + program.length));
  return { instructions, maps, license };
}

function readSections(view: DataView): Section[] | undefined {
  if (view.byteLength < HEADER.size || view.getUint32(0) !== MAGIC) return undefined;
  if (view.getUint16(4) !== CLASS_64_LITTLE) return undefined;
  if (view.getUint16(HEADER.machine, true) !== MACHINE_BPF) return undefined;
  const start = Number(view.getBigUint64(HEADER.sections, true));
  const count = view.getUint16(HEADER.sectionCount, true);
  if (start + count * SECTION.size > view.byteLength) return undefined;
  const sections: Section[] = [];
  for (let at = start; at < start + count * SECTION.size; at += SECTION.size) {
    const section = readSection(view, at);
    if (section.offset + section.length > view.byteLength) return undefined;
    sections.push(section);
  }
  return sections;
}

/** Offsets beyond 2^53 lose digits, but stay far outside of any file. */
function readSection(view: DataView, at: number): Section {
  const type = view.getUint32(at + SECTION.type, true);
  const isInFile = type !== TYPE.NOT_IN_FILE;
  const length = isInFile ? Number(view.getBigUint64(at + SECTION.length, true)) : 0;
  const isExecutable = (view.getBigUint64(at + SECTION.flags, true) & HOLDS_INSTRUCTIONS) !== 0n;
  return {
    type,
    isProgram: type === TYPE.PROGRAM && isExecutable && length > 0,
    offset: isInFile ? Number(view.getBigUint64(at + SECTION.offset, true)) : 0,
    length,
    link: view.getUint32(at + SECTION.link, true),
    info: view.getUint32(at + SECTION.info, true),
  };
}

interface RelocationParts {
  relocation: Section;
  program: Section;
  readName: (symbol: number) => string | undefined;
}

function readReferences(view: DataView, parts: RelocationParts): MapReference[] | undefined {
  const { relocation, program, readName } = parts;
  if (relocation.length % RELOCATION.size !== 0) return undefined;
  const maps: MapReference[] = [];
  for (let at = relocation.offset; at < relocation.offset + relocation.length; at += RELOCATION.size) {
    const offset = Number(view.getBigUint64(at + RELOCATION.offset, true));
    const map = readName(view.getUint32(at + RELOCATION.symbol, true));
    const isLoad =
      view.getUint32(at + RELOCATION.type, true) === R_BPF_64_64 &&
      offset % INSTRUCTION_SIZE === 0 &&
      offset + 2 * INSTRUCTION_SIZE <= program.length &&
      view.getUint8(program.offset + offset) === LOAD_IMMEDIATE;
    if (!isLoad || map === undefined) return undefined;
    maps.push({ offset, map });
  }
  return maps;
}

interface SymbolParts {
  sections: Section[];
  symbols: Section;
  readName: (symbol: number) => string | undefined;
}

/** The text that the symbol `_license` stands for. */
function readLicense(bytes: Uint8Array, view: DataView, parts: SymbolParts): string | undefined {
  const { sections, symbols, readName } = parts;
  for (let index = 0; index < Math.floor(symbols.length / SYMBOL.size); index += 1) {
    if (readName(index) !== '_license') continue;
    const at = symbols.offset + index * SYMBOL.size;
    const section = sections[view.getUint16(at + SYMBOL.section, true)];
    const value = Number(view.getBigUint64(at + SYMBOL.value, true));
    return section === undefined ? undefined : readText(bytes, section, value);
  }
  return undefined;
}

/** Up to the zero byte that must end it. */
function readText(bytes: Uint8Array, section: Section, at: number): string | undefined {
  const start = section.offset + at;
  const limit = section.offset + section.length;
  const end = start < limit ? bytes.indexOf(TEXT_END, start) : -1;
  if (end < 0 || end >= limit) return undefined;
  return Buffer.from(bytes.subarray(start, end)).toString('latin1');
}
