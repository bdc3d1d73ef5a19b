import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ENET_COMMAND } from '../../../core/protocol/enet/command.ts';
import { PING_SIZE } from '../../../core/protocol/rtp/ping.ts';
import { VIDEO_HEADERS_SIZE } from '../../../core/protocol/rtp/video.ts';
import { DATAGRAM_SIZE_MAX } from '../../ports/udp-port.ts';
import * as layout from './layout.ts';

type Fields = Record<string, number>;

const SOURCE = ['layout.bpf.h', 'kernel.bpf.h', 'program.bpf.c']
  .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
  .join('\n');
const { FLAG, UNKNOWN_NUMBER, ...others } = layout;
const STRUCTURES = Object.entries<unknown>(others).filter((entry): entry is [string, Fields] =>
  hasSize(entry[1]),
);

function hasSize(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'size' in value;
}

/** What the assertions of the program say of its structures, by their names in layout.ts. */
function readAssertions(): Map<string, Fields> {
  const structures = new Map<string, Fields>();
  const assertion =
    /^_Static_assert\((?:sizeof\(struct (\w+)\)|OFFSET\(struct (\w+), (\w+)\)) == (\d+), "([\w.]+)"\);$/gm;
  for (const [, sized, owner, field = 'size', value, message] of SOURCE.matchAll(assertion)) {
    const structure = sized ?? owner ?? '';
    expect(message).toBe(sized === undefined ? `${structure}.${field}` : structure);
    const fields = structures.get(structure.toUpperCase()) ?? {};
    expect(fields).not.toHaveProperty(field);
    structures.set(structure.toUpperCase(), { ...fields, [field]: Number(value) });
  }
  return structures;
}

/** The names that a structure of the program declares, in their order. */
function readFields(structure: string): string[] {
  const body = new RegExp(`^struct ${structure} \\{\\n([^}]*)\\n\\}`, 'm').exec(SOURCE)?.[1] ?? '';
  return body
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('//'))
    .flatMap((line) => line.split(','))
    .flatMap((declaration) => /(\w+)(?:\[\d+\])?;?\s*$/.exec(declaration)?.[1] ?? []);
}

/** A name of an enumeration, or of a #define, and what it stands for. */
function readConstant(name: string): number {
  const value = new RegExp(`^(?:\\t${name} = |#define ${name} )(\\w+?)u?,?$`, 'm').exec(SOURCE)?.[1];
  return Number(value);
}

describe('the layouts that the program shares', () => {
  const asserted = readAssertions();

  it('are all asserted in it, each on a line that is read here', () => {
    const lines = SOURCE.split('\n').filter((line) => line.startsWith('_Static_assert'));
    const read = [...asserted.values()].flatMap((fields) => Object.keys(fields));
    expect(read).toHaveLength(lines.length);
    expect(Object.fromEntries(asserted)).toEqual(Object.fromEntries(STRUCTURES));
    expect(STRUCTURES.length).toBeGreaterThan(0);
  });

  it.each(STRUCTURES)(
    'have every field of %s but the one at 0, and padding',
    (name, { size, ...offsets }) => {
      const [first, ...fields] = readFields(name.toLowerCase()).filter(
        (field) => !field.startsWith('unused'),
      );
      expect(fields).toEqual(Object.keys(offsets));
      expect(first).toBeDefined();
      expect(offsets).not.toHaveProperty(first ?? '');
      expect(Math.max(...Object.values(offsets))).toBeLessThan(size ?? 0);
    },
  );

  it('have the same flags, each a bit of its own', () => {
    const defined = [...SOURCE.matchAll(/^#define FLAG_(\w+) (\d+)u$/gm)].map(
      ([, name = '', value]) => [name, Number(value)] as const,
    );
    expect(defined).toHaveLength(SOURCE.match(/^#define FLAG_/gm)?.length ?? 0);
    expect(Object.fromEntries(defined)).toEqual(FLAG);
    const values = defined.map(([, value]) => value);
    expect(values.every((value) => value !== 0 && (value & (value - 1)) === 0)).toBe(true);
    expect(new Set(values).size).toBe(values.length);
  });
});

describe('the constants of the program', () => {
  it.each([
    ['UNKNOWN', UNKNOWN_NUMBER],
    ['PAYLOAD_MAX', DATAGRAM_SIZE_MAX],
    ['PING_SIZE', PING_SIZE],
    ['VIDEO_HEADERS_SIZE', VIDEO_HEADERS_SIZE],
    ['ENET_ACKNOWLEDGE', ENET_COMMAND.ACKNOWLEDGE],
  ])('say %s as the relay does', (name, value) => {
    expect(readConstant(name)).toBe(value);
  });
});
